# QEMU gives its own device tree.
setenv console ttyAMA0
setenv earlycon
setenv rescue_tty ttyAMA0
setenv ramdisk_addr_r 0x48000000
setenv start_image 'booti ${kernel_addr_r} ${ramdisk_addr_r}:${initrd_size} ${fdtcontroladdr}'
setenv disk 0000:00:04.0
