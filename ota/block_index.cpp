#include "ota/block_index.hpp"

#include "core/sha256.hpp"

namespace ota {

using core::Errc;
using core::fail;
using core::Result;

namespace {

constexpr std::string_view kMagic = "ATOMIXI1";
constexpr std::size_t kEntry = 16;
constexpr std::uint32_t kLargestBlock = 1024 * 1024;   // squashfs knows no larger one; it is read into memory

void put_number(std::string& bytes, std::uint64_t value, int size) {
    for (int i = 0; i < size; ++i) bytes += static_cast<char>(value >> (8 * i));
}

std::uint64_t number_at(std::string_view bytes, std::size_t at, int size) {
    std::uint64_t value = 0;
    for (int i = size; i-- > 0;)
        value = value << 8 | static_cast<unsigned char>(bytes[at + static_cast<std::size_t>(i)]);
    return value;
}

}   // namespace

BlockHash block_hash(std::span<std::byte const> block) {
    auto const digest = core::sha256(block);
    BlockHash hash = 0;
    for (int i = 8; i-- > 0;) hash = hash << 8 | digest[static_cast<std::size_t>(i)];
    return hash;
}

std::string print_index(std::vector<IndexedBlock> const& blocks) {
    std::string bytes{kMagic};
    std::uint64_t end = 0;
    for (auto const& block : blocks) {
        put_number(bytes, block.hash, 8);
        put_number(bytes, block.offset - end, 4);
        put_number(bytes, block.size, 4);
        end = block.offset + block.size;
    }
    return bytes;
}

Result<std::vector<IndexedBlock>> parse_index(std::string_view bytes, std::uint64_t image_size) {
    if (!bytes.starts_with(kMagic)) return fail(Errc::bad_input, "the index does not begin with ATOMIXI1");
    bytes.remove_prefix(kMagic.size());
    if (bytes.size() % kEntry != 0) return fail(Errc::bad_input, "the index ends within a block");
    std::vector<IndexedBlock> blocks;
    blocks.reserve(bytes.size() / kEntry);
    std::uint64_t end = 0;
    for (; !bytes.empty(); bytes.remove_prefix(kEntry)) {
        IndexedBlock const block{.offset = end + number_at(bytes, 8, 4),
                                 .size = static_cast<std::uint32_t>(number_at(bytes, 12, 4)),
                                 .hash = number_at(bytes, 0, 8)};
        if (block.size > kLargestBlock)
            return fail(Errc::bad_input, "the index names a block of more than 1 MiB");
        if (block.offset > image_size || block.size == 0 || block.size > image_size - block.offset)
            return fail(Errc::bad_input, "the index names a block outside of its image");
        end = block.offset + block.size;
        blocks.push_back(block);
    }
    return blocks;
}

}   // namespace ota
