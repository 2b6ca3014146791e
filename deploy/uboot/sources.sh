# Sourced by build: what our U-Boot is made of, by checksum, and where it comes from. `stop` is the caller's.
#
# U-Boot is Debian 13's source package with Debian's patches; the Rock64's ARM trusted firmware is Debian's package.
# Both are fetched once by this machine's own apt (mirror, proxy, keys) and kept in the cache under their checksums.
# A point release replaces these versions on the mirror: put the files that are listed here into the cache's
# uboot-sources by hand then, from what was shipped with an image (build --source), or move on to the new version.

readonly kUbootVersion=2025.01-3+deb13u1
readonly kFirmwareVersion=2.12.1+dfsg-1
readonly kOrig=u-boot_2025.01.orig.tar.bz2
readonly kDebian=u-boot_2025.01-3+deb13u1.debian.tar.xz
readonly kFirmware=arm-trusted-firmware_2.12.1+dfsg-1_arm64.deb
readonly kChecksums="\
cdef7d507c93f1bbd9f015ea9bc21fa074268481405501945abc6f854d5b686f  $kOrig
c73a4efe85614af359f0be220e061a0b5c36bb4b3a121ca776dd988444b536f1  $kDebian
59b4a600156ea2aea09c6dd38fcdec5077aa790a5c39d40dab6d61b7e52b59b3  $kFirmware"
# The build's only clock: the date of that version in Debian's changelog.
readonly kSourceDate=1782292035

sources=$cache/uboot-sources

sources_are_good() {   # DIRECTORY
    (cd "$1" 2>/dev/null && sha256sum --check --status --strict <<<"$kChecksums") 2>/dev/null
}

fetch_sources() {   # into $sources; two at once are fine, since each file is moved there whole
    local work line name
    ! sources_are_good "$sources" || return 0
    echo "fetching U-Boot's source, once" >&2
    line=$(next_debian "U-Boot's source") || exit 1
    mkdir -p "$sources"
    work=$(mktemp -d "$cache/fetching.XXXXXX")
    make_private_apt "$work" "${line/#deb /deb-src }" "${line/#deb [/deb [arch=arm64 }"
    (
        cd "$work" || exit 1
        arm64=(-o APT::Architecture=arm64 -o APT::Architectures=arm64)
        private_apt "$work" "${arm64[@]}" update --error-on=any || exit 1
        private_apt "$work" "${arm64[@]}" download "arm-trusted-firmware=$kFirmwareVersion" || exit 1
        # Mirrors may lack the .dsc of an older version: apt then fails after it has the two tarballs, whose checksums count.
        private_apt "$work" "${arm64[@]}" source --download-only "u-boot=$kUbootVersion" || true
    )
    if ! sources_are_good "$work"; then
        tail -4 "$work/log" >&2
        rm -rf "$work"
        stop "U-Boot $kUbootVersion and its firmware could not be fetched as deploy/uboot/sources.sh has them, apt's last" \
            "words are above: is the network reachable, or has a point release replaced this version?"
    fi
    for name in "$kOrig" "$kDebian" "$kFirmware"; do mv "$work/$name" "$sources/$name"; done
    rm -rf "$work"
}

unpack_sources() {   # DIRECTORY: u-boot-2025.01 with Debian's patches, and the firmware's package, below it
    local patch
    tar -xjf "$sources/$kOrig" -C "$1" && tar -xJf "$sources/$kDebian" -C "$1" || stop "the sources could not be unpacked"
    dpkg-deb -x "$sources/$kFirmware" "$1/firmware" || stop "$kFirmware could not be unpacked"
    while read -r patch; do
        [[ -n $patch && $patch != '#'* ]] || continue
        patch -s -p1 -d "$1/u-boot-2025.01" <"$1/debian/patches/$patch" >&2 || stop "Debian's patch $patch does not apply"
    done <"$1/debian/patches/series"
}
