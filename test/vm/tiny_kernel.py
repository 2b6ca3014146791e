"""Kernels of a few bytes that say STARTED on the serial line and reset the machine, as each of QEMU's boards wants them."""
import struct

SAYS = b"STARTED\r\n"


def arm64():
    """Documentation/arch/arm64/booting.rst: flags 0xa is little endian and wherever it was loaded."""
    header = struct.pack("<IIQQQQQQ4sI", 0x14000010, 0, 0, 0x10000, 0xA, 0, 0, 0, b"ARM\x64", 0)     # b #64
    code = struct.pack(
        "<10I", 0xD2A12001,     # mov x1, #0x9000000      PL011 of the machine virt
        0x10000122,             # adr x2, . + 36          the words, behind the code
        0x38401440,             # ldrb w0, [x2], #1
        0x34000060,             # cbz w0, . + 12
        0x39000020,             # strb w0, [x1]
        0x17FFFFFD,             # b . - 12
        0x52800120,             # mov w0, #0x84000009     PSCI: SYSTEM_RESET
        0x72B08000,
        0xD4000002,             # hvc #0
        0x14000000)             # b .
    return header + code + SAYS + b"\0"


def amd64():
    """Documentation/arch/x86/boot.rst: a setup of two sectors, and the 64-bit entry 0x200 behind it."""
    setup = bytearray(1024)
    setup[0x1F1] = 1
    struct.pack_into("<H", setup, 0x1FE, 0xAA55)
    struct.pack_into("<4sH", setup, 0x202, b"HdrS", 0x020C)
    setup[0x211] = setup[0x236] = 1     # loaded high; has a 64-bit entry
    code = b"\x66\xBA\xF8\x03"                                            # mov dx, 0x3f8     the first serial line
    code += b"".join(b"\xB0" + bytes([byte]) + b"\xEE" for byte in SAYS)     # mov al, …; out dx, al
    code += b"\x66\xBA\xF9\x0C\xB0\x06\xEE\xEB\xFE"                       # 6 to port 0xcf9: reset; jmp .
    return bytes(setup) + b"\x90" * 0x200 + code


KERNELS = {"qemu-arm64": arm64(), "qemu-amd64": amd64()}
