#include "ota/image_index.hpp"

#include "core/files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace ota {

using core::Errc;
using core::fail;
using core::fail_errno;
using core::Result;

namespace {

constexpr std::uint64_t kHashedAtOnce = 8 * 1024 * 1024;
constexpr std::uint32_t kFileBlock = 128 * 1024;
constexpr std::size_t kAlignment = 512;
constexpr std::size_t kLargestBootImage = 1u << 30;

Result<void> read_exactly(int fd, std::uint64_t offset, std::span<std::byte> into, std::string const& path) {
    while (!into.empty()) {
        auto const n = ::pread(fd, into.data(), into.size(), static_cast<off_t>(offset));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail_errno("reading " + path);
        if (n == 0) return fail(Errc::io, path + " ended early");
        offset += static_cast<std::uint64_t>(n);
        into = into.subspan(static_cast<std::size_t>(n));
    }
    return {};
}

// Where `file` lies in `image` as one piece; npos if nowhere.
std::size_t place_of(std::string_view file, std::string_view image) {
    for (auto at = image.find(file); at != std::string_view::npos; at = image.find(file, at + 1))
        if (at % kAlignment == 0) return at;
    return std::string_view::npos;
}

void add_file(std::vector<IndexedBlock>& index, std::string_view file, std::size_t at) {
    for (std::size_t done = 0; done < file.size(); done += kFileBlock) {
        auto const block = file.substr(done, kFileBlock);
        index.push_back({.offset = at + done,
                         .size = static_cast<std::uint32_t>(block.size()),
                         .hash = block_hash(std::as_bytes(std::span{block}))});
    }
}

}   // namespace

Result<BlockHasher> BlockHasher::open(std::filesystem::path path, std::vector<StoredBlock> blocks) {
    BlockHasher hasher;
    hasher.fd_ = core::OwnedFd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!hasher.fd_) return fail_errno("opening " + path.string());
    hasher.path_ = std::move(path);
    hasher.blocks_ = std::move(blocks);
    hasher.hashed_.reserve(hasher.blocks_.size());
    return hasher;
}

Result<bool> BlockHasher::hash_some() {
    std::uint64_t done = 0;
    while (hashed_.size() < blocks_.size() && done < kHashedAtOnce) {
        auto const& block = blocks_[hashed_.size()];
        if (room_.size() < block.size) room_.resize(block.size);
        auto const bytes = std::span{room_}.first(block.size);
        if (auto ok = read_exactly(fd_.get(), block.offset, bytes, path_.string()); !ok) return ok.error();
        hashed_.push_back({.offset = block.offset, .size = block.size, .hash = block_hash(bytes)});
        done += block.size;
    }
    return hashed_.size() == blocks_.size();
}

Result<std::vector<StoredBlock>> file_blocks(std::filesystem::path const& path) {
    std::error_code failed;
    auto const size = std::filesystem::file_size(path, failed);
    if (failed) return fail(failed, "looking at " + path.string());
    std::vector<StoredBlock> blocks;
    for (std::uint64_t at = 0; at < size; at += kFileBlock)
        blocks.push_back({at, static_cast<std::uint32_t>(std::min<std::uint64_t>(kFileBlock, size - at))});
    return blocks;
}

Result<std::vector<IndexedBlock>> index_squashfs(std::filesystem::path const& image) {
    auto blocks = stored_blocks(image);
    if (!blocks) return blocks.error();
    auto hasher = BlockHasher::open(image, std::move(*blocks));
    if (!hasher) return hasher.error();
    auto done = hasher->hash_some();
    while (done && !*done) done = hasher->hash_some();
    if (!done) return done.error();
    return hasher->take();
}

Result<std::vector<IndexedBlock>> index_boot_image(std::filesystem::path const& image,
                                                   std::filesystem::path const& directory) {
    auto const bytes = core::read_file(image, kLargestBootImage);
    if (!bytes) return bytes.error();
    std::error_code failed;
    std::vector<IndexedBlock> index;
    for (std::filesystem::recursive_directory_iterator entry{directory, failed}, end; !failed && entry != end;
         entry.increment(failed)) {
        if (!entry->is_regular_file()) continue;
        auto const file = core::read_file(entry->path(), kLargestBootImage);
        if (!file) return file.error();
        auto const at = file->empty() ? std::string_view::npos : place_of(*file, *bytes);
        if (at != std::string_view::npos) add_file(index, *file, at);
    }
    if (failed) return fail(failed, "looking into " + directory.string());
    // Files of the same content are found at the same place.
    std::ranges::sort(index, {}, &IndexedBlock::offset);
    std::uint64_t end = 0;
    std::erase_if(index, [&](IndexedBlock const& block) {
        bool const overlaps = block.offset < end;
        if (!overlaps) end = block.offset + block.size;
        return overlaps;
    });
    return index;
}

}   // namespace ota
