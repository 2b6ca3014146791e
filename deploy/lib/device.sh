# The simulated device: slots, boot environment and /data as files, the boot-loader stand-in, and questions to it.

make_slots() {   # IMAGEDIR: the factory's image in slot A, nothing in B
    mkdir -p "$device/slots" "$device/data/config"
    cp --sparse=always "$1/boot.vfat" "$device/slots/boot-a"
    cp --sparse=always "$1/rootfs.squashfs" "$device/slots/rootfs-a"
    truncate -s 16M "$device/slots/boot-a" "$device/slots/boot-b"
    truncate -s 160M "$device/slots/rootfs-a" "$device/slots/rootfs-b"
}

make_boot_environment() {
    truncate -s 32K "$device/env.img"
    printf '%s 0x0 0x4000\n%s 0x4000 0x4000\n' "$device/env.img" "$device/env.img" >"$device/fw_env.config"
    printf 'BOOT_ORDER=A B\nBOOT_A_LEFT=3\nBOOT_B_LEFT=3\n' >"$device/env.defaults"
    # Twice: the first store fills one copy, the second the other.
    local turn
    for turn in 1 2; do
        fw_setenv -c "$device/fw_env.config" -f "$device/env.defaults" -s - <<<"BOOT_ORDER=A B" 2>/dev/null || return
    done
}

write_operator_document() {
    cat >"$device/data/config/atomix.yaml" <<'YAML'
version: 1
network:
  ntp:
    servers: [10.99.0.1]
os_upgrade:
  server_url: https://updates.atomix.test
YAML
}

power_on() {
    # Not by in_gateway: a function would run in a subshell, and signals would go to that.
    ip netns exec "$gateway" "$here/sim/boot-loader" "$device" >>"$device/log" 2>&1 &
    loader=$!
}

power_off() {
    kill -TERM "$loader"
    wait "$loader"
}

poll_now() {   # SIGHUP, by way of the boot-loader stand-in
    kill -HUP "$loader"
}

status() {
    in_lan curl -fsS --max-time 2 "http://$kLanAddress:8080/api/v1/status"
}

fact() {   # a jq path of the status; fails while nobody answers
    status 2>/dev/null | jq -er "$1"
}

fact_is() {   # PATH VALUE
    [[ $(fact "$1") == "$2" ]]
}

boot_variable() {
    fw_printenv -c "$device/fw_env.config" -n "$1" 2>/dev/null
}

running_version() {   # what the booted slot says of itself, whatever anybody recorded
    sed -n 's/^VERSION_ID=//p' "$device/root/etc/os-release"
}

boots() {   # power cycles since the demo began
    grep -c '^loader: power cycle' "$device/log"
}

wan_address() {
    in_gateway ip -4 -o address show dev eth0 | sed -n 's/.* inet \([0-9.]*\).*/\1/p' | grep .
}
