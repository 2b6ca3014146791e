#!/bin/bash
# The boot-loader stand-in's rules (deploy/sim/rules.sh) on a real environment file with two copies. A row is: what the
# environment holds, which slots load, and what one or more power cycles make of it.
set -uo pipefail
root=$(realpath "$(dirname "$0")/../..")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ENV_CONFIG=$work/fw_env.config
. "$root/deploy/sim/rules.sh"
printf '%s 0x0 0x4000\n%s 0x4000 0x4000\n' "$work/env" "$work/env" >"$ENV_CONFIG"
problems=0
name=

expect() {   # WHAT WANTED GOT
    [[ $2 == "$3" ]] || { echo "$name: $1 should be '$2' and is '$3'"; problems=$((problems + 1)); }
}

environment() {   # name=value…: both copies, this and nothing else
    truncate -s 0 "$work/env"
    truncate -s 32K "$work/env"
    : >"$work/defaults"
    printf 'unused=1\n' >"$work/defaults"
    printf '%s\n' "$@" | fw_setenv -c "$ENV_CONFIG" -f "$work/defaults" -s - 2>/dev/null
    printf '%s\n' "$@" | fw_setenv -c "$ENV_CONFIG" -s -
}

boot() {   # records what is asked of it, and what the environment held at that moment
    tried+="$1 "
    saved+="$(env_get "BOOT_$1_LEFT") "
    [[ $loading == *$1* ]]
}

cycles() {   # N LOADING: N power cycles in which the slots of LOADING load
    local n=$1
    loading=$2 tried='' saved=''
    while ((n-- > 0)); do power_cycle boot 2>/dev/null; booted=$?; done
}

row() {   # NAME "VARIABLES, by ;" CYCLES LOADING "TRIED" "ORDER A_LEFT B_LEFT" afterwards
    name=$1
    local variables
    IFS=';' read -ra variables <<<"$2"
    environment "${variables[@]}"
    cycles "$3" "$4"
    expect "what was tried" "$5" "${tried% }"
    expect "the environment" "$6" "$(env_get BOOT_ORDER), $(env_get BOOT_A_LEFT) $(env_get BOOT_B_LEFT)"
}

ab='BOOT_ORDER=A B;BOOT_A_LEFT=3;BOOT_B_LEFT=3'
ba='BOOT_ORDER=B A;BOOT_A_LEFT=3;BOOT_B_LEFT=3'
row "the first of the order boots"              "$ab" 1 AB "A"          "A B, 2 3"
row "every boot is counted"                     "$ab" 3 AB "A A A"      "A B, 0 3"
row "at zero a slot is skipped"                 "$ab" 4 AB "A A A B"    "A B, 0 2"
row "a slot that does not load costs a try and the next boots in the same cycle" \
                                                "$ba" 1 A  "B A"        "B A, 2 2"
row "when all are used up the counters return and the order stays" \
                        'BOOT_ORDER=B A;BOOT_A_LEFT=0;BOOT_B_LEFT=0' 2 AB "B" "B A, 3 2"
row "the last failing try of the last slot refills" \
                        'BOOT_ORDER=B A;BOOT_A_LEFT=0;BOOT_B_LEFT=1' 1 "" "B" "B A, 3 3"
row "a slot outside the order is not tried and its counter stays" \
                        'BOOT_ORDER=A;BOOT_A_LEFT=0;BOOT_B_LEFT=3'   2 AB "A" "A, 2 3"
row "a slot outside the order is the last resort where what it names does not load" \
                        'BOOT_ORDER=B;BOOT_A_LEFT=0;BOOT_B_LEFT=3'   2 A "B A B A" "B, 0 1"
row "and the order's tries come back before it" \
                        'BOOT_ORDER=B;BOOT_A_LEFT=2;BOOT_B_LEFT=1'   1 A "B A" "B, 0 3"
row "a device of which no slot loads goes on trying" \
                        'BOOT_ORDER=B;BOOT_A_LEFT=0;BOOT_B_LEFT=2'   3 "" "B A B A B A" "B, 0 2"
row "without an order it is A B" 'BOOT_A_LEFT=1;BOOT_B_LEFT=1'       2 AB "A B"  ", 0 0"
row "an order of unknown names is A B" 'BOOT_ORDER=C x;BOOT_A_LEFT=1;BOOT_B_LEFT=1' 2 AB "A B" "C x, 0 0"
row "unknown names in an order are passed over" 'BOOT_ORDER=x B;BOOT_A_LEFT=3;BOOT_B_LEFT=3' 1 AB "B" "x B, 3 2"
row "a slot that is named twice is tried once" 'BOOT_ORDER=B B;BOOT_A_LEFT=3;BOOT_B_LEFT=3' 1 A "B A" "B B, 0 2"
row "a counter is hexadecimal"   'BOOT_ORDER=A;BOOT_A_LEFT=10;BOOT_B_LEFT=0' 1 A "A" "A, f 0"
row "a malformed counter is a full one" 'BOOT_ORDER=A;BOOT_A_LEFT=zz;BOOT_B_LEFT=0' 1 A "A" "A, 2 0"
row "a missing counter is a full one"   'BOOT_ORDER=A;BOOT_B_LEFT=0'  1 A "A" "A, 2 0"

name="the counter is saved before the slot is touched"
environment BOOT_ORDER="A B" BOOT_A_LEFT=3 BOOT_B_LEFT=3
cycles 1 ""
expect "what was saved at each try" "2 2" "${saved% }"
expect "the end of the cycle" 1 "$booted"

name="a cycle in which a slot boots says so"
environment BOOT_ORDER="A B" BOOT_A_LEFT=3 BOOT_B_LEFT=3
cycles 1 A
expect "the end of the cycle" 0 "$booted"

name="the mark of a trial and foreign variables are let through"
environment BOOT_ORDER="B A" BOOT_A_LEFT=3 BOOT_B_LEFT=1 ATOMIX_TRIAL=B other="two words"
cycles 5 AB
expect "the mark" B "$(env_get ATOMIX_TRIAL)"
expect "the other" "two words" "$(env_get other)"

spoil() {   # COPY: the newer one is the one not overwritten last
    printf 'torn' | dd of="$work/env" bs=1 seek=$(($1 * 16384 + 16)) conv=notrunc status=none
}

for copy in 0 1; do
    name="with copy $copy torn the other one counts"
    environment BOOT_ORDER="B A" BOOT_A_LEFT=2 BOOT_B_LEFT=2
    spoil $copy
    cycles 1 AB
    expect "what was tried" "B" "${tried% }"
    expect "the counter" 1 "$(env_get BOOT_B_LEFT)"
done

name="with both copies torn it begins with the defaults"
environment BOOT_ORDER="B" BOOT_A_LEFT=0 BOOT_B_LEFT=1
spoil 0
spoil 1
cycles 1 AB
expect "what was tried" "A" "${tried% }"
expect "the environment" "A B, 2 3" "$(env_get BOOT_ORDER), $(env_get BOOT_A_LEFT) $(env_get BOOT_B_LEFT)"

((problems == 0)) || exit 1
echo "all rules hold"
