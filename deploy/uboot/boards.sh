# Sourced by build: what each board's U-Boot is. Its options are in BOARD.config, its environment in BOARD.env.
#
# defconfig, board (U-Boot's folder of it), results (what an image holds of it) and make (variables for U-Boot's make).

readonly kBoards="rock64 qemu-arm64 qemu-amd64"

choose_board() {   # BOARD: false when there is none of that name
    case $1 in
    rock64)
        defconfig=rock64-rk3328_defconfig board=rockchip/evb_rk3328
        results=(idbloader.img u-boot.itb)
        make=(CROSS_COMPILE=aarch64-linux-gnu- "BL31=$work/firmware/usr/lib/arm-trusted-firmware/rk3328/bl31.elf") ;;
    qemu-arm64)
        defconfig=qemu_arm64_defconfig board=emulation/qemu-arm
        results=(u-boot.bin)
        make=(CROSS_COMPILE=aarch64-linux-gnu-) flags=-DATOMIX_EARLY_PCI ;;
    qemu-amd64)
        defconfig=qemu-x86_64_defconfig board=emulation/qemu-x86
        results=(u-boot.rom)
        make=(CROSS_COMPILE=x86_64-linux-gnu-) flags=-DATOMIX_EARLY_PCI ;;
    *) return 1 ;;
    esac
}
