# Sourced: where this machine's Debian comes from, and what apt there needs, for those that fetch another Debian's packages.
# `stop SENTENCE` is the caller's. Only a root file system needs root.

readonly kKeys=/usr/share/keyrings/debian-archive-keyring.gpg
readonly kNextSuite=trixie   # Debian 13
cache=${ATOMIX_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/atomixos}

# The archive that this machine's Debian comes from holds the next Debian too.
mirror() {
    local codename
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    # A suite is named by its code name or as "stable": the first source of Debian's main that is no update of another.
    apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
        awk -v codename="$codename" '($1 == codename || $1 ~ /^(old)*stable$/) && $2 == "main" { print $3; exit }'
}

# A line of sources.list for main of the next Debian.
next_debian() {   # WHAT FOR
    local from
    from=$(mirror)
    [[ -n $from ]] || stop "apt's configuration names no archive of Debian's main to take $1 from"
    [[ -r $kKeys ]] || stop "the keys of Debian's archive are missing: install debian-archive-keyring"
    echo "deb [signed-by=$kKeys] $from $kNextSuite main"
}

# mmdebstrap does not read this machine's apt.conf: proxies, and whether a mirror may be an old one, are handed on.
apt_options() {
    apt-config dump | grep -iE '^Acquire::([a-z]+::proxy|Check-Valid-Until|Check-Date) ' | sed 's/^/--aptopt=/'
}

# An apt of our own, with this machine's apt.conf and its state, cache and sources below WORK.
make_private_apt() {   # WORK SOURCE-LINE…
    mkdir -p "$1"/{state/lists/partial,cache/archives/partial}
    : >"$1/status"
    printf '%s\n' "${@:2}" >"$1/sources.list"
}

private_apt() {   # WORK ARGUMENT…: what it says is in WORK/log
    apt-get -q -o Dir::State="$1/state" -o Dir::State::Status="$1/status" -o Dir::Cache="$1/cache" \
        -o Dir::Etc::SourceList="$1/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::Etc::PreferencesParts=/dev/null -o APT::Sandbox::User=root -o APT::Default-Release= \
        -o Acquire::Languages=none "${@:2}" >"$1/log" 2>&1
}

# Prints the root file system of the next Debian with these packages, made once and kept by suite and all arguments. Nobody
# writes into it: it is the lower directory of an overlay, or is copied.
kept_root() {   # NAME "PACKAGE…" [MMDEBSTRAP OPTION…]; two at once are fine: the later one throws its own away
    local name=$1 packages=$2 source options kept
    shift 2
    kept=$cache/$name-$kNextSuite-$(sha256sum <<<"$packages $*" | cut -c1-12)
    if [[ ! -e $kept/etc/os-release ]]; then
        echo "making a root file system of Debian 13 ($name), once" >&2
        command -v mmdebstrap >/dev/null || stop "mmdebstrap is missing: run deploy/install-dependencies test"
        source=$(next_debian "its packages") || exit 1
        mapfile -t options < <(apt_options)
        mkdir -p "$cache"
        making=$(mktemp -d "$cache/making.XXXXXX")
        # A mmdebstrap that failed may have left this machine's own /dev and /sys mounted in there.
        trap 'rm -rf --one-file-system "$making"' EXIT
        echo "$source" >"$making/sources.list"
        mmdebstrap --mode=root --variant=apt --include="$packages" "${options[@]}" \
            --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
            --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' "$@" \
            "$kNextSuite" "$making/root" "$making/sources.list" >"$making/log" 2>&1 || {
            tail -15 "$making/log" >&2
            stop "mmdebstrap failed, its words are above: is the network reachable?"
        }
        mv -T "$making/root" "$kept" 2>/dev/null || [[ -e $kept/etc/os-release ]] || stop "$kept could not be made"
        rm -rf --one-file-system "$making"
        trap - EXIT
    fi
    echo "$kept"
}
