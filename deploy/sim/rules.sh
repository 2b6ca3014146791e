# The rules of our U-Boot build on a boot environment with two copies; sourced by the boot-loader stand-in and by tests.
# BOOT_ORDER "B A", BOOT_A_LEFT and BOOT_B_LEFT in hex; every other variable (ATOMIX_TRIAL) is let through untouched.
# ENV_CONFIG names libubootenv's description of the environment.

readonly kTries=3

say() {
    echo "loader: $*" >&2
}

env_get() {   # empty when the variable is not set
    fw_printenv -c "$ENV_CONFIG" -n "$1" 2>/dev/null || true
}

env_is_readable() {   # one copy with a good checksum is enough
    fw_printenv -c "$ENV_CONFIG" >/dev/null 2>&1
}

env_save() {   # name=value…: one save for all of them
    local defaults
    defaults=$(mktemp)   # fw_setenv begins with these when no copy is good, as U-Boot begins with its built-in ones
    printf 'BOOT_ORDER=A B\nBOOT_A_LEFT=%x\nBOOT_B_LEFT=%x\n' $kTries $kTries >"$defaults"
    printf '%s\n' "$@" | fw_setenv -c "$ENV_CONFIG" -f "$defaults" -s - || say "the environment could not be saved"
    rm -f "$defaults"
}

slots_in_order() {   # each once; "A B" only when the order is absent or names no known slot
    local word known=()
    for word in $(env_get BOOT_ORDER); do
        [[ $word != [AB] || " ${known[*]} " == *" $word "* ]] || known+=("$word")
    done
    [[ ${#known[@]} -gt 0 ]] || known=(A B)
    echo "${known[@]}"
}

tries_left() {   # of a slot; a missing or malformed counter is a full one, as in U-Boot's typed variables
    local left
    left=$(env_get "BOOT_$1_LEFT")
    if [[ $left =~ ^(0[xX])?[0-9a-fA-F]{1,8}$ ]]; then
        echo $((16#${left#0[xX]}))
    else
        echo $kTries
    fi
}

try() {   # BOOT SLOT LEFT: fails when the slot does not load
    env_save "$(printf 'BOOT_%s_LEFT=%x' "$2" "$3")"
    say "trying $2, $3 left"
    ! "$1" "$2" || return 0
    say "$2 does not load"
    return 1
}

refill() {   # SLOT…: unless one of them has a try left
    local slot refills=()
    for slot in "$@"; do
        (($(tries_left "$slot") == 0)) || return 0
        refills+=("$(printf 'BOOT_%s_LEFT=%x' "$slot" $kTries)")
    done
    say "every slot of the order is used up, refilling their counters"
    env_save "${refills[@]}"
}

# power_cycle BOOT: walks the slots in their order and calls `BOOT slot` for each that may be tried, after its counter
# was saved. BOOT fails when the slot does not load; the next slot is then tried, and at last the one that the order does
# not name. Fails when no slot was booted.
power_cycle() {
    local boot=$1 slot left named damage=''
    env_is_readable || { say "no good copy of the environment, beginning with the defaults"; env_save; }
    named=$(slots_in_order)
    for slot in $named; do
        left=$(tries_left "$slot")
        if ((left == 0)); then
            say "skipping $slot, no tries left"
            continue
        fi
        ! try "$boot" "$slot" $((left - 1)) || return 0
        damage=yes
    done
    # shellcheck disable=SC2086
    refill $named
    for slot in A B; do
        [[ -z $damage || $named == *$slot* ]] || ! try "$boot" "$slot" 0 || return 0
    done
    return 1
}
