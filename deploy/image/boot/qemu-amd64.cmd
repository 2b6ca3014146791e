# A PC's kernel unpacks itself between 16 MiB and the initrd; U-Boot's default address of that, 0x4000000, would be within.
# It is started where it was loaded, behind its setup sectors: zboot would copy it down, and refuses one of more than 15 MiB.
# Only the copying looks whether it is a kernel, so that is done here (x86/boot.rst: "HdrS" at 202, setup_sects at 1f1).
setenv console ttyS0
setenv earlycon
setenv rescue_tty ttyS0
setenv ramdisk_addr_r 0x10000000
setenv start_image 'setexpr at ${kernel_addr_r} + 202; if itest.l *${at} == 53726448; then setexpr at ${kernel_addr_r} + 1f1; setexpr.b setup *${at}; setexpr setup ${setup} + 1; setexpr setup ${setup} * 200; setexpr at ${kernel_addr_r} + ${setup}; zboot ${at} 0 ${ramdisk_addr_r} ${initrd_size} ${kernel_addr_r}; else echo "boot.scr: no kernel"; fi'
setenv disk 0000:00:04.0
