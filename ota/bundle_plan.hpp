#pragma once
// Where every piece of every image lies in a bundle, in the order in which a forward stream meets it.
//
// Tails of images lie in fragment blocks behind later images, and mksquashfs stores equal files once: so one
// stored block may have several uses, and images are not written one after the other.

#include "ota/bundle.hpp"
#include "ota/verity.hpp"

#include <cstdint>
#include <vector>

namespace ota {

enum class Target : std::uint8_t { boot, rootfs };

// A stretch of an image, and the stored block that it comes from. Uses of one block follow each other.
struct Use {
    std::uint64_t offset = 0;   // of the stored block in the bundle
    std::uint32_t stored = 0;   // its size there; 0: the stretch is all zero bytes and nothing is stored
    bool compressed = false;
    Target image = Target::boot;
    std::uint32_t block_offset = 0;   // of the stretch in the inflated block
    std::uint32_t length = 0;         // of the stretch
    std::uint64_t image_offset = 0;
    bool operator==(Use const&) const = default;
};

struct Layout {
    unsigned compression = 0;       // libsquashfs' SQFS_COMPRESSOR
    std::uint32_t block_size = 0;   // of an inflated block, at most 1 MiB
    std::vector<Use> uses;          // by offset, no two stored blocks overlap
    // Of the index files, if the bundle has them (ota/block_index.hpp); in the order of their bytes.
    std::vector<Use> boot_index;
    std::vector<Use> rootfs_index;
};

struct BundlePlan {
    BundleHead head;
    HashTree tree;
    std::shared_ptr<Leaves const>
        leaves;   // all of them; nothing: too many, they are fetched as they are needed
    Layout layout;
};

}   // namespace ota
