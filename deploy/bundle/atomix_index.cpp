// atomix-index: makes the index of an image, which a bundle carries so that a device can tell which parts of
// the image it has already (ota/block_index.hpp). Used by make-bundle.

#include "core/files.hpp"
#include "ota/image_index.hpp"

#include <cstring>
#include <iostream>

namespace {

constexpr char const* kUsage = "usage: atomix-index rootfs IMAGE OUT\n"
                               "       atomix-index boot IMAGE DIRECTORY_OF_ITS_FILES OUT\n";

int write_index(core::Result<std::vector<ota::IndexedBlock>> const& index, char const* out) {
    if (!index) {
        std::cerr << "atomix-index: " << index.error().text() << '\n';
        return 1;
    }
    auto const written = core::replace_file(out, ota::print_index(*index));
    if (!written) {
        std::cerr << "atomix-index: " << written.error().text() << '\n';
        return 1;
    }
    return 0;
}

}   // namespace

int main(int argc, char** argv) {
    if (argc == 4 && std::strcmp(argv[1], "rootfs") == 0)
        return write_index(ota::index_squashfs(argv[2]), argv[3]);
    if (argc == 5 && std::strcmp(argv[1], "boot") == 0)
        return write_index(ota::index_boot_image(argv[2], argv[3]), argv[4]);
    std::cerr << kUsage;
    return 2;
}
