// Stored blocks of a bundle that was signed and lies: inflating them stays within the block.

#include "fuzz.hpp"
#include "ota/squashfs_inflate.hpp"

#include <vector>

using fuzz::must;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) {
    fuzz::Input input{bytes, size};
    auto const compression = input.take<std::uint8_t>();
    auto const block_size = 4096u << input.take<std::uint8_t>() % 9;
    auto inflater = ota::Inflater::make(compression, block_size);
    must(inflater.has_value() || !inflater.error().context.empty(), "a refusal is a sentence");
    if (!inflater) return 0;
    std::vector<std::byte> into(block_size);
    auto const got = inflater->inflate(input.rest_bytes(), into);
    must(got.has_value() ? *got <= into.size() : !got.error().context.empty(),
         "what is inflated fits its block");
    return 0;
}
