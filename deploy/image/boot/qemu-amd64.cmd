# A kernel of the PC unpacks itself over U-Boot's default address of the initrd, 0x4000000. A bzImage starts by zboot.
setenv console ttyS0
setenv earlycon
setenv rescue_tty ttyS0
setenv ramdisk_addr_r 0x10000000
setenv image Image
setenv start_image 'zboot ${kernel_addr_r} ${image_size} ${ramdisk_addr_r} ${initrd_size}'
setenv disk 0000:00:04.0
