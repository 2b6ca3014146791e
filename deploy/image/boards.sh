# Sourced: what each board's image is. BOARD -> architecture, folder of platform/, what bundles must be for, console, DTB.

readonly kImageBoards="rock64 qemu-arm64 qemu-amd64"

choose_image() {   # BOARD: false when there is none of that name
    dtb=''
    case $1 in
    rock64) arch=arm64 platform=rock64 dtb=rockchip/rk3328-rock64.dtb ;;
    qemu-arm64) arch=arm64 platform=qemu ;;
    qemu-amd64) arch=amd64 platform=qemu ;;
    *) return 1 ;;
    esac
    compatible=$1
}
