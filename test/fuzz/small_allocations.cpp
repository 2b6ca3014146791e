// What libsquashfs asks for because a table says so (a symbolic link of 4 GiB, an image of 2^60 bytes): over
// 256 MiB it gets none here, as on the device. There a little less than all memory is given and never
// touched, for the table ends before; AddressSanitizer would give it and pay for each byte.

extern "C" char const* __asan_default_options();
extern "C" char const* __asan_default_options() {
    return "allocator_may_return_null=1:max_allocation_size_mb=256";
}
