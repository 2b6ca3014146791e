/*
 * What may be read from the stored environment, and as what: s text, d decimal, x hexadecimal; w says that it may.
 * SPDX-License-Identifier: GPL-2.0+
 *
 * Everything else, bootcmd above all, is always the built-in one: the first saveenv stores all variables, and without
 * this list an older selector would come back from there (CONFIG_ENV_WRITEABLE_LIST). A value of another type is not
 * read, and the built-in one counts. Names are regular expressions in U-Boot; these mean themselves.
 */
#define CFG_ENV_FLAGS_LIST_STATIC \
	"BOOT_ORDER:sw,BOOT_A_LEFT:xw,BOOT_B_LEFT:xw,ATOMIX_TRIAL:sw,START_UMS:dw,_RUT_OH_:dw"

#ifdef ATOMIX_EARLY_PCI
/* The SD card with the environment is on PCI, and U-Boot looks for it before it scans that bus. */
#define CONFIG_SYS_EARLY_PCI_INIT
#endif
