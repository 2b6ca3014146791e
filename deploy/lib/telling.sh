# How the demo speaks: steps, facts with a check mark, a progress bar, and the end when a fact does not hold.

if [[ -t 1 ]]; then
    bold=$'\e[1m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m' clear_line=$'\r\e[K'
else
    bold='' green='' red='' plain='' clear_line=''
fi

now_ms() {
    local now=${EPOCHREALTIME/[.,]/}
    echo $((now / 1000))
}

seconds() {   # milliseconds as "3.4 s"
    printf '%d.%d s' $(($1 / 1000)) $(($1 % 1000 / 100))
}

step() {
    printf '\n%s%s%s\n' "$bold" "$*" "$plain"
}

note() {
    printf '        %s\n' "$*"
}

ok() {
    printf '  %sok%s    %s\n' "$green" "$plain" "$*"
}

failed() {   # ends the demo
    printf '  %sFAILED%s %s\n' "$red" "$plain" "$*"
    if [[ -s $device/log ]]; then
        printf '\nThe last lines of the device'\''s log:\n'
        tail -30 "$device/log"
    fi
    printf '\n%sThe demo ended here: %s.%s\n' "$red" "$*" "$plain"
    exit 1
}

# holds SENTENCE COMMAND…: the command is the probe; its first line of output, if any, is told with the sentence.
holds() {
    local sentence=$1 said
    shift
    said=$("$@" 2>&1) || failed "$sentence"
    said=${said%%$'\n'*}
    ok "$sentence${said:+ ($said)}"
}

# soon SECONDS SENTENCE COMMAND…: as holds, tried again until it holds; tells how long that took.
soon() {
    local limit=$1 sentence=$2 said from waited
    shift 2
    from=$(now_ms)
    until said=$("$@" 2>&1); do
        waited=$(($(now_ms) - from))
        ((waited < limit * 1000)) || failed "$sentence (not within $limit s)"
        sleep 0.1
    done
    said=${said%%$'\n'*}
    ok "$sentence (${said:+$said, }after $(seconds $(($(now_ms) - from))))"
}

bar() {   # DONE TOTAL, in bytes; only on a terminal, where it overwrites itself
    [[ -n $clear_line && $2 -gt 0 ]] || return 0
    local width=40 full
    full=$(($1 * width / $2))
    printf '%s        [%s%s] %3d %%  %d of %d MB' "$clear_line" "$(printf '%*s' "$full" '' | tr ' ' '#')" \
        "$(printf '%*s' $((width - full)) '' | tr ' ' '.')" $(($1 * 100 / $2)) $(($1 / 1000000)) $(($2 / 1000000))
}

end_of_bar() {
    printf '%s' "$clear_line"
}
