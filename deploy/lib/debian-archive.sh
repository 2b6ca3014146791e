# Sourced: where this machine's Debian comes from, and what apt there needs, for those that fetch another Debian's packages.
# Needs no root.

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

# A line of sources.list for main of the next Debian; `stop SENTENCE` is the caller's.
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
