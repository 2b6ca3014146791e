# Three network namespaces joined by two veth pairs:  WAN wan0 — eth0 gateway eth1 — lan0 LAN
# The demo runs in a mount namespace of its own, and /run/netns is too: whatever happens to the demo, the kernel removes
# the names, and with the last process the namespaces.

readonly kWanAddress=10.99.0.1
readonly kLanAddress=172.20.30.1

in_wan() { ip netns exec "$wan" "$@"; }
in_gateway() { ip netns exec "$gateway" "$@"; }
in_lan() { ip netns exec "$lan" "$@"; }

make_topology() {
    local name
    mkdir -p /run/netns
    mount -t tmpfs tmpfs /run/netns
    wan=atx-$run_id-wan gateway=atx-$run_id-gw lan=atx-$run_id-lan
    for name in "$wan" "$gateway" "$lan"; do
        ip netns add "$name"
        ip -n "$name" link set lo up
    done
    ip link add wan0 netns "$wan" type veth peer name eth0 netns "$gateway"
    ip link add lan0 netns "$lan" type veth peer name eth1 netns "$gateway"
    ip -n "$wan" address add "$kWanAddress/24" dev wan0
    ip -n "$wan" link set wan0 up
    ip -n "$lan" link set lan0 up
}
