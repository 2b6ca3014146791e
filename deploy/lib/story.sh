# The seven steps of the demo. Every fact that is told was probed the moment before; the first that does not hold ends it.

readonly kStatusUrl=http://$kLanAddress:8080/api/v1/status

# --- probes, each told by `holds` or `soon`

server_offers() { fetch_offer | jq -er .version | sed 's/^/version /'; }
gateway_has() { in_gateway ip -4 -o address show dev "$1" | grep -o "$2" | head -1; }
rule_set_drops() { in_gateway nft list table inet atomix | grep 'hook input.*policy drop' >/dev/null; }
service_runs() { fact ".services.$1 | select(.running) | \"pid \\(.pid)\""; }
device_state() { fact "$1" >/dev/null; }
env_is() { [[ $(boot_variable "$1") == "$2" ]]; }
env_lacks() { [[ -z $(boot_variable "$1") ]]; }
slot_runs() { fact_is .slot "$1" && [[ $(running_version) == "$2" ]]; }
booted_since() { (($(boots) > $1)); }
is_forwarding() { [[ $(in_gateway cat /proc/sys/net/ipv4/ip_forward) != 0 ]]; }

client_leases() {
    in_lan busybox udhcpc -f -q -n -i lan0 -t 3 -T 1 -x hostname:laptop -s "$here/udhcpc" >/dev/null 2>&1 &&
        in_lan ip -4 -o address show dev lan0 | grep -o '172\.20\.30\.[0-9]*/24'
}

client_gets_time() {
    in_lan chronyd -Q -u root -t 5 -f /dev/null "server $kLanAddress iburst maxsamples 1" \
        "pidfile $work/chronyd-client.pid" 2>&1 | grep -o 'wrong by .* seconds' | sed 's/wrong by/clocks differ by/'
}

client_resolves() { in_lan busybox nslookup -type=a atomixos.local "$kLanAddress" | grep -o "Address: $kLanAddress"; }

client_cannot_reach_wan() {
    in_gateway curl -ks --max-time 3 -o "$work/reached" "https://$kWanAddress/api/v1/updates/latest" || return 1
    ! in_lan curl -ks --max-time 2 -o "$work/reached" "https://$kWanAddress/api/v1/updates/latest"
}

wan_cannot_reach_status() { ! in_wan curl -s --max-time 2 "http://$(wan_address):8080/healthz"; }

# --- the steps

tell_topology() {
    step "1  A network: WAN, gateway, LAN in three namespaces"
    make_topology
    start_upstream
    start_update_server
    offer 1.0.0
    ok "namespaces $wan, $gateway, $lan"
    soon 5 "the update server answers over HTTPS" server_offers
}

tell_device() {
    step "2  A device: two slots, a U-Boot environment, /data, and the boot loader's rules"
    make_slots "$work/1.0.0"
    make_boot_environment || failed "the boot environment was written"
    write_operator_document
    ok "version 1.0.0 is in slot A, slot B is empty ($(($(stat -c %s "$work/1.0.0/rootfs.squashfs") / 1000000)) MB image)"
    power_on
    ok "power on"
}

tell_gateway() {
    step "3  The gateway serves its LAN"
    soon 20 "the LAN has its address" gateway_has eth1 '172\.20\.30\.1/24'
    soon 20 "the WAN has a lease" gateway_has eth0 '10\.99\.0\.[0-9]*/24'
    soon 10 "a LAN client gets a lease" client_leases
    soon 10 "the status page answers it" status_answers
    holds "the firewall is in the kernel: input is dropped unless allowed" rule_set_drops
    soon 10 "dnsmasq runs" service_runs dnsmasq
    soon 10 "chronyd runs" service_runs chronyd
    soon 15 "it gets the time" client_gets_time
    soon 5 "it resolves atomixos.local" client_resolves
    holds "it cannot reach the WAN, which the gateway can" client_cannot_reach_wan
    holds "the WAN cannot reach the status page" wan_cannot_reach_status
    open_status_url
}

status_answers() { fact '"version \(.version), slot \(.slot)"'; }

tell_good_update() {
    step "4  An update: 1.0.0 -> 1.1.0, signed, over HTTPS"
    note "bundle by rauc: $(($(stat -c %s "$site/bundles/1.1.0.raucb") / 1000000)) MB, verity format; the line is slowed to ${kLineRate%m} MB/s"
    local from boots_before
    from=$(now_ms)
    boots_before=$(boots)
    offer 1.1.0
    poll_now
    follow_download 1.1.0
    took_download=$(($(now_ms) - from))
    ok "streamed, verified and written to the spare slot (after $(seconds "$took_download"))"
    soon 20 "the device rebooted" booted_since "$boots_before"
    from=$(now_ms)
    soon 20 "slot B runs 1.1.0" slot_runs B 1.1.0
    soon 40 "its trial held and it was committed" fact_is .update.last_commit.version 1.1.0
    took_trial=$(($(now_ms) - from))
    holds "the boot environment says B first" env_is BOOT_ORDER "B A"
    holds "with all its tries" env_is BOOT_B_LEFT 3
    holds "and no trial" env_lacks ATOMIX_TRIAL
    soon 10 "the LAN client gets a lease from the new version" client_leases
}

size_of_bundle() { stat -c %s "$site/bundles/$1.raucb"; }
in_mb() { echo "$(($1 / 100000))" | sed 's/^\(.\)$/0\1/; s/.$/.& MB/'; }
bytes_fetched_of() {   # by the device's own account
    grep -o "update written version=$1 fetched=[0-9]*" "$device/log" | tail -1 | sed 's/.*=//'
}

follow_download() {   # VERSION: until it is activated (the status page may already be gone for the reboot)
    local now phase=idle limit=$((SECONDS + 120))
    until [[ $phase == activated ]] || env_is ATOMIX_TRIAL B || env_is ATOMIX_TRIAL A; do
        now=$(status 2>/dev/null | jq -r --arg v "$1" '.update | select(.version == $v)
            | "\(.phase) \(.done_bytes) \(.total_bytes) \(.error // "")"' 2>/dev/null)
        read -r phase done_bytes total_bytes error <<<"$now"
        bar "${done_bytes:-0}" "${total_bytes:-0}"
        ((SECONDS < limit)) || { end_of_bar; failed "version $1 was installed within 120 s: ${error:-no reason given}"; }
        sleep 0.1
    done
    end_of_bar
}

tell_bad_update() {
    step "5  A bad update, as a delta: in 1.2.0 the LAN service does not stay up"
    local from boots_before served
    boots_before=$(boots)
    offer 1.2.0
    poll_now
    follow_download 1.2.0
    ok "installed like any other: nothing about it looks wrong"
    (($(bytes_fetched_of 1.2.0) * 5 < $(size_of_bundle 1.2.0))) || failed "most of 1.2.0 came from the running slot"
    ok "fetched $(in_mb "$(bytes_fetched_of 1.2.0)") of $(in_mb "$(size_of_bundle 1.2.0)"): the rest was in the running slot already"
    soon 20 "the device rebooted" booted_since "$boots_before"
    from=$(now_ms)
    soon 20 "slot A runs 1.2.0" slot_runs A 1.2.0
    soon 60 "its trial failed and the device rebooted by itself" booted_since $((boots_before + 1))
    soon 20 "slot B serves again with 1.1.0" slot_runs B 1.1.0
    took_rollback=$(($(now_ms) - from))
    soon 10 "the reason is recorded" fact '.update.last_rollback | select(.version == "1.2.0") | .reason'
    rollback_reason=$(fact .update.last_rollback.reason)
    soon 15 "the LAN client gets a lease again" client_leases
    served=$(bytes_served_of 1.2.0)
    poll_again
    poll_again
    (($(bytes_served_of 1.2.0) - served < 1000000)) || failed "1.2.0 was not downloaded again"
    slot_runs B 1.1.0 || failed "the device stayed on 1.1.0"
    ok "1.2.0 is still offered, and after two more polls still refused"
}

poll_again() {   # and wait until the device has looked
    local before limit=$((SECONDS + 30))
    sleep 1.1   # last_poll counts in seconds
    before=$(fact .update.last_poll)
    poll_now
    until [[ $(fact .update.last_poll) != "$before" && $(fact .update.phase) != downloading ]]; do
        ((SECONDS < limit)) || failed "the device looked for updates again (last poll $before, then $(fact .update.last_poll), phase $(fact .update.phase))"
        sleep 0.2
    done
}

tell_ssh() {
    step "6  SSH on the WAN, by a flag file"
    local address waited
    in_gateway socat TCP-LISTEN:22,fork,reuseaddr EXEC:'echo SSH-2.0-demo' 2>/dev/null &
    address=$(wan_address)
    ! port_is_open "$address" || failed "port 22 is closed on the WAN before the flag is there"
    ok "port 22 is closed, though something listens there"
    waited=$(flag_to_port touch "$address") || failed "port 22 opens within 5 s of touch ssh-wan-enabled"
    ok "touch ssh-wan-enabled: open, seen from the WAN after $waited ms"
    waited=$(flag_to_port rm "$address") || failed "port 22 closes within 5 s of rm ssh-wan-enabled"
    ok "rm ssh-wan-enabled: closed, seen from the WAN after $waited ms"
    soon 5 "the status page says so too" fact_is .firewall.ssh_on_wan false
}

port_is_open() { in_wan timeout 0.3 bash -c "exec 3<>/dev/tcp/$1/22" 2>/dev/null; }

flag_to_port() {   # touch|rm ADDRESS: the milliseconds
    in_wan python3 "$here/lib/flag_to_port.py" "$device/data/config/ssh-wan-enabled" "$1" "$2" 22
}

tell_summary() {
    step "7  What happened"
    note "download and installation of 1.1.0   $(seconds "$took_download")"
    note "its reboot, trial and commit         $(seconds "$took_trial")"
    note "1.2.0 from its boot back to 1.1.0    $(seconds "$took_rollback"): $rollback_reason"
    note "the whole demo                       $(seconds $(($(now_ms) - started)))"
    printf '\n'
    note "status      $status_url"
    note "journal     $device/log"
    note "state       $device/data/state"
    note "slots       $device/slots, boot environment $device/env.img"
}

# The LAN is a namespace of its own; this makes its status page reachable from a browser on this machine.
open_status_url() {
    local port
    for port in $(seq $((20000 + run_id % 10000)) $((20099 + run_id % 10000))); do
        socat "TCP-LISTEN:$port,bind=127.0.0.1,fork,reuseaddr" \
            "EXEC:ip netns exec $lan socat STDIO TCP\:$kLanAddress\:8080" 2>/dev/null &
        sleep 0.2
        status_url=http://127.0.0.1:$port/api/v1/status
        ! curl -fs --max-time 2 -o /dev/null "$status_url" || { ok "look for yourself: $status_url"; return; }
        kill $! 2>/dev/null
    done
    failed "a free port on 127.0.0.1 was found for the status page"
}
