# The kernel is unpacked to 0x02200000 and may have grown to 0x08000000: the default address of the initrd, 0x06000000, is
# within it.
setenv console ttyS2,1500000
setenv earlycon earlycon=uart8250,mmio32,0xff130000
setenv rescue_tty ttyS2
setenv ramdisk_addr_r 0x08000000
setenv start_image 'setenv file board.dtb; setenv at ${fdt_addr_r}; if run take; then booti ${kernel_addr_r} ${ramdisk_addr_r}:${initrd_size} ${fdt_addr_r}; fi'
setenv disk ff520000.mmc
