// The index beside an image: every block lies in the image, and what is read is what was written.

#include "ota/block_index.hpp"
#include "fuzz.hpp"

using fuzz::must;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) {
    fuzz::Input input{bytes, size};
    auto const image_size = input.take<std::uint64_t>();
    auto const index = ota::parse_index(input.rest(), image_size);
    must(index.has_value() || !index.error().context.empty(), "a refusal is a sentence");
    if (!index) return 0;
    std::uint64_t end = 0;
    for (auto const& block : *index) {
        must(block.size > 0, "a block has bytes");
        must(block.offset >= end, "blocks follow each other");
        must(block.offset <= image_size && block.size <= image_size - block.offset,
             "a block lies in its image");
        end = block.offset + block.size;
    }
    must(ota::print_index(*index) == input.rest(), "an index that is read and printed is the same");
    return 0;
}
