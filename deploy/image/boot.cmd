# boot.scr of a slot: kernel, initrd and command line of this version. make-boot-script puts boot/BOARD.cmd before it, and
# before that is_whole_FILE for each file it may start.
# Our loader (deploy/uboot/selector.env) has chosen the slot, counted this boot, and tells where it is. Whatever fails
# here returns, and the loader tries the other slot; nothing waits for a person.
#
# rauc.slot is what atomixd, trial-end and the initrd read. The initrd looks for the slot's partitions on the disk whose
# path in /sys/devices has atomix.disk in it, and on no other one. panic=10 reboots a kernel that cannot go on.

setenv bootargs "console=${console} ${earlycon} loglevel=5 panic=10 rw rauc.slot=${atomix_slot} atomix.disk=${disk} atomix.env=${atomix_env} atomix.trial=${ATOMIX_TRIAL}"

# A root shell on the serial line, for one boot (fw_setenv _RUT_OH_ 1): systemd's own, instead of the login there.
if test "x${atomix_rescue}" = x1; then
    setenv bootargs "${bootargs} systemd.debug_shell=${rescue_tty} systemd.mask=serial-getty@${rescue_tty}.service"
fi

# FILE at AT. What is not whole is not started: a kernel that was cut short hangs in its own first lines, and no watchdog
# runs yet. The length too, since behind a short file may lie what another slot left in memory.
setenv take 'if load ${devtype} ${devnum}:${distro_bootpart} ${at} ${file} && run is_whole_${file}; then true; else echo "boot.scr: ${file} is not what was installed"; false; fi'

setenv file Image
setenv at ${kernel_addr_r}
if run take; then
    setenv file initrd
    setenv at ${ramdisk_addr_r}
    if run take; then
        setenv initrd_size ${filesize}
        run start_image
    fi
fi
echo "boot.scr: ${atomix_slot} did not start"
