// The running slot's squashfs: what is taken for its blocks lies in it, whatever its tables say.

#include "ota/squashfs_blocks.hpp"
#include "core/owned.hpp"
#include "fuzz.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

using fuzz::must;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) {
    static core::OwnedFd const image{::memfd_create("image", MFD_CLOEXEC)};
    static auto const path = "/proc/self/fd/" + std::to_string(image.get());
    must(::ftruncate(image.get(), 0) == 0, "a file in memory can be made empty");
    must(::pwrite(image.get(), bytes, size, 0) == static_cast<ssize_t>(size),
         "a file in memory can be written");

    auto const blocks = ota::stored_blocks(path);
    must(blocks.has_value() || !blocks.error().context.empty(), "a refusal is a sentence");
    if (!blocks) return 0;
    must(std::ranges::adjacent_find(*blocks, std::greater_equal{}) == blocks->end(),
         "blocks come by offset, each once");
    for (auto const& block : *blocks) {
        must(block.size > 0 && block.size <= 1 << 20, "a block is at most 1 MiB");
        must(block.offset <= size && block.size <= size - block.offset, "a block lies in the file");
    }
    return 0;
}
