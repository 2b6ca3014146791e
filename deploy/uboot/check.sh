# Sourced by build: looks at what came out, since kconfig drops an option it does not like without a word, and a build
# without a selector succeeds too. `stop` is the caller's, as are $here, $board_name and $results.

check_options() {   # OUTPUT: each line of our fragments is in its .config; "is not set" may be absent
    local line
    grep -hE '^(CONFIG_|# CONFIG_)' "$here/common.config" "$here/$board_name.config" | while read -r line; do
        grep -qxF -- "$line" "$1/.config" && continue
        [[ $line == "# "* ]] && ! grep -q "^${line:2:-11}=" "$1/.config" && continue
        echo "$line"
    done
}

check_selector() {   # OUTPUT: each variable of ours is in the binary as it was written, and there is one bootcmd
    local binary=$1/${results[-1]} name said
    strings -n 3 "$binary" >"$work/strings"
    said=$(grep -c '^bootcmd=' "$work/strings")
    [[ $said == 1 ]] || echo "bootcmd is there $said times"
    sed -n 's/^\([A-Za-z_]*\)=.*/\1/p' "$here/$board_name.env" "$here/selector.env" | while read -r name; do
        grep -q "^$name=." "$work/strings" || echo "the variable $name is missing"
    done
    grep -qF "$(grep -o 'BOOT_ORDER:sw.*dw' "$here/owned.h")" "$work/strings" || echo "the list of owned variables is missing"
}

check_rock64() {   # OUTPUT: what the eMMC's and the flash's layout and the recovery rely on
    local tree=$1/u-boot.dtb
    [[ $(fdtget "$tree" /usb@ff580000 dr_mode) == peripheral ]] || echo "the OTG port is no device"
    [[ $(fdtget "$tree" /aliases mmc0) == /mmc@ff520000 ]] || echo "mmc 0 is not the eMMC"
    (($(stat -c %s "$1/idbloader.img") <= (8192 - 32) * 1024)) || echo "idbloader.img does not end before u-boot.itb"
    (($(stat -c %s "$1/u-boot.itb") <= 8192 * 1024)) || echo "u-boot.itb does not end before the first partition"
    (($(stat -c %s "$1/u-boot-rockchip-spi.bin") <= 0x140000)) || echo "the loader in SPI would reach the environment"
    grep -q 'Use the UMS' "$work/strings" || echo "there is no command ums"
}

check_result() {   # OUTPUT
    local wrong
    wrong=$(
        check_options "$1" | sed 's/^/not in .config: /'
        check_selector "$1"
        [[ $board_name != rock64 ]] || check_rock64 "$1"
    )
    [[ -z $wrong ]] || stop "this is no U-Boot of ours:" $'\n'"$wrong"
}
