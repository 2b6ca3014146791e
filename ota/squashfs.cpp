#include "ota/squashfs.hpp"

#include "core/owned.hpp"
#include "ota/block_index.hpp"

#include <sqfs/block.h>
#include <sqfs/compressor.h>
#include <sqfs/dir_reader.h>
#include <sqfs/error.h>
#include <sqfs/frag_table.h>
#include <sqfs/inode.h>
#include <sqfs/io.h>
#include <sqfs/super.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <tuple>

namespace ota {

using core::Errc;
using core::Error;
using core::fail;
using core::Owned;
using core::Result;

namespace {

constexpr std::uint32_t kNone = 0xFFFF'FFFF;
constexpr std::uint32_t kMostFragments =
    65'536;                                     // a bundle has a handful of files, each with one tail at most
constexpr std::size_t kMostUses = 128 * 1024;   // 4 MiB of memory; 8 GiB in blocks of 64 KiB
constexpr std::uint64_t kLongestBlockList = 1024 * 1024;   // of as many blocks as squashfs_blocks.cpp takes

using Compressor = Owned<sqfs_compressor_t, sqfs_destroy>;
using DirReader = Owned<sqfs_dir_reader_t, sqfs_destroy>;
using Fragments = Owned<sqfs_frag_table_t, sqfs_destroy>;
using Inode = Owned<sqfs_inode_generic_t, sqfs_free>;

// The parts of the squashfs that we hold, as the file that the library reads.
struct PartialFile : sqfs_file_t {
    std::span<std::byte const> first;
    std::span<std::byte const> tables;
    std::uint64_t size;

    PartialFile(std::span<std::byte const> head, std::span<std::byte const> end, std::uint64_t whole)
        : sqfs_file_t{}, first{head}, tables{end}, size{whole} {
        base.destroy = [](sqfs_object_t*) {};
        read_at = [](sqfs_file_t* file, sqfs_u64 offset, void* into, size_t n) {
            return static_cast<PartialFile*>(file)->read(offset, into, n);
        };
        get_size = [](sqfs_file_t const* file) -> sqfs_u64 {
            return static_cast<PartialFile const*>(file)->size;
        };
    }

    int read(std::uint64_t offset, void* into, std::size_t n) const {
        auto const from = [&](std::span<std::byte const> part, std::uint64_t at) {
            if (offset < at || offset - at > part.size() || n > part.size() - (offset - at)) return false;
            std::memcpy(into, part.data() + (offset - at), n);
            return true;
        };
        return from(first, 0) || from(tables, size - tables.size()) ? 0 : SQFS_ERROR_OUT_OF_BOUNDS;
    }
};

Error bad(std::string what) {
    return fail(Errc::bad_input, "the bundle's squashfs " + std::move(what));
}

Result<sqfs_super_t> superblock_of(PartialFile& file) {
    sqfs_super_t super{};
    if (sqfs_super_read(&super, &file) != 0) return bad("has no valid superblock");
    if (super.block_size < SQFS_MIN_BLOCK_SIZE || super.block_size > SQFS_MAX_BLOCK_SIZE)
        return bad("has an impossible block size");
    if (super.bytes_used > file.size || super.inode_table_start < sizeof super ||
        super.inode_table_start >= super.bytes_used)
        return bad("is larger than its signed size");
    if (super.fragment_entry_count > kMostFragments) return bad("has too many fragments");
    return super;
}

Result<Compressor> compressor_of(sqfs_super_t const& super, PartialFile& file) {
    auto const id = static_cast<SQFS_COMPRESSOR>(super.compression_id);
    if (id != SQFS_COMP_GZIP && id != SQFS_COMP_XZ && id != SQFS_COMP_LZ4 && id != SQFS_COMP_ZSTD) {
        auto const* name = sqfs_compressor_name_from_id(id);
        return bad("is compressed with " + std::string{name ? name : "something unknown"} +
                   "; this device takes gzip, xz, lz4 and zstd");
    }
    sqfs_compressor_config_t settings{};
    sqfs_compressor_t* made = nullptr;
    if (sqfs_compressor_config_init(&settings, id, super.block_size, SQFS_COMP_FLAG_UNCOMPRESS) != 0 ||
        sqfs_compressor_create(&settings, &made) != 0)
        return bad("uses a compression that libsquashfs was built without");
    Compressor compressor{made};
    if ((super.flags & SQFS_FLAG_COMPRESSOR_OPTIONS) && made->read_options(made, &file) != 0)
        return bad("has unreadable compressor options");
    return compressor;
}

// Collects the uses of one image.
class ImageWalk {
public:
    ImageWalk(sqfs_super_t const& super, Target image, std::string const& name, std::vector<Use>& uses)
        : super_{super}, image_{image}, name_{name}, uses_{uses} {}

    Result<void>
    walk(sqfs_inode_generic_t const& inode, sqfs_frag_table_t* fragments, std::uint64_t wanted_size) {
        std::uint64_t size = 0;
        std::uint64_t at = 0;
        std::uint32_t fragment = 0;
        std::uint32_t fragment_offset = 0;
        if (sqfs_inode_get_file_size(&inode, &size) != 0 ||
            sqfs_inode_get_file_block_start(&inode, &at) != 0 ||
            sqfs_inode_get_frag_location(&inode, &fragment, &fragment_offset) != 0)
            return bad_image("is not a regular file");
        if (size != wanted_size)
            return bad_image("has " + std::to_string(size) + " bytes, the manifest says " +
                             std::to_string(wanted_size));
        auto const blocks = sqfs_inode_get_file_block_count(&inode);
        if (blocks + uses_.size() > kMostUses)
            return bad_image("has too many blocks; make the bundle with larger ones");
        for (std::size_t i = 0; i < blocks && done_ < size; ++i) {
            auto const length =
                static_cast<std::uint32_t>(std::min<std::uint64_t>(super_.block_size, size - done_));
            if (auto ok = add(at, inode.extra[i], 0, length); !ok) return ok;
            at += SQFS_ON_DISK_BLOCK_SIZE(inode.extra[i]);
        }
        if (done_ < size && fragment != kNone) {
            sqfs_fragment_t tail{};
            if (size - done_ > super_.block_size || fragment_offset > super_.block_size ||
                sqfs_frag_table_lookup(fragments, fragment, &tail) != 0)
                return bad_image("has a fragment that does not exist");
            if (auto ok = add(tail.start_offset, tail.size, fragment_offset,
                              static_cast<std::uint32_t>(size - done_));
                !ok)
                return ok;
        }
        if (done_ != size) return bad_image("has fewer blocks than its size needs");
        return {};
    }

private:
    Result<void>
    add(std::uint64_t at, std::uint32_t size_word, std::uint32_t block_offset, std::uint32_t length) {
        Use const use{.offset = at,
                      .stored = SQFS_ON_DISK_BLOCK_SIZE(size_word),
                      .compressed = !SQFS_IS_SPARSE_BLOCK(size_word) && SQFS_IS_BLOCK_COMPRESSED(size_word),
                      .image = image_,
                      .block_offset = block_offset,
                      .length = length,
                      .image_offset = done_};
        auto const inflated = use.stored == 0 || use.compressed ? super_.block_size : use.stored;
        if (use.offset < sizeof super_ || use.offset > super_.inode_table_start ||
            use.stored > super_.inode_table_start - use.offset || use.stored > super_.block_size ||
            std::uint64_t{block_offset} + length > inflated)
            return bad_image("has a block outside the data");
        uses_.push_back(use);
        done_ += length;
        return {};
    }
    Error bad_image(std::string_view what) const {
        return bad("is damaged: " + name_ + " " + std::string{what});
    }

    sqfs_super_t const& super_;
    Target image_;
    std::string const& name_;
    std::vector<Use>& uses_;
    std::uint64_t done_ = 0;
};

// The files in the root directory.
class Files {
public:
    Files(sqfs_super_t const& super, sqfs_dir_reader_t& reader, sqfs_frag_table_t* fragments)
        : super_{super}, reader_{reader}, fragments_{fragments} {}

    Result<void> find_image(Target target, Image const& image, std::vector<Use>& uses) const {
        auto const inode = find(image.filename);
        if (!inode) return inode.error();
        if (!*inode) return fail(Errc::bad_input, "the bundle has no file " + image.filename);
        ImageWalk walk{super_, target, image.filename, uses};
        return walk.walk(**inode, fragments_, image.size);
    }

    // It only says how less could be fetched: one that is not there or not usable is no error.
    Result<void> find_index(Target target, Image const& image, std::vector<Use>& uses) const {
        auto const name = image.filename + std::string{kIndexSuffix};
        auto const inode = find(name);
        if (!inode) return inode.error();
        std::uint64_t size = 0;
        if (!*inode || sqfs_inode_get_file_size(inode->get(), &size) != 0 || size == 0 ||
            size > kLongestBlockList)
            return {};
        ImageWalk walk{super_, target, name, uses};
        return walk.walk(**inode, fragments_, size);
    }

private:
    // Nothing when there is no such file.
    Result<Inode> find(std::string const& name) const {
        sqfs_inode_generic_t* found = nullptr;
        auto const code = sqfs_dir_reader_find_by_path(&reader_, nullptr, name.c_str(), &found);
        Inode inode{found};
        if (code == SQFS_ERROR_NO_ENTRY) return Inode{};
        if (code != 0) return bad("has unreadable tables");
        return inode;
    }

    sqfs_super_t const& super_;
    sqfs_dir_reader_t& reader_;
    sqfs_frag_table_t* fragments_;
};

// Uses of one block side by side, zero stretches near the data around them; refuses blocks that overlap.
Result<void> put_in_order(std::vector<Use>& uses) {
    std::ranges::stable_sort(uses, {}, [](Use const& use) { return std::tuple{use.offset, use.stored}; });
    Use const* last = nullptr;
    for (auto const& use : uses) {
        if (use.stored == 0) continue;
        if (last && use.offset < last->offset + last->stored &&
            std::tie(use.offset, use.stored, use.compressed) !=
                std::tie(last->offset, last->stored, last->compressed))
            return bad("has blocks that overlap");
        last = &use;
    }
    return {};
}

}   // namespace

Result<std::uint64_t> tables_start(std::span<std::byte const> first, std::uint64_t size) {
    PartialFile file{first, {}, size};
    auto const super = superblock_of(file);
    if (!super) return super.error();
    return super->inode_table_start;
}

Result<Layout> find_images(SquashfsParts const& parts, Manifest const& manifest) {
    PartialFile file{parts.first, parts.tables, parts.size};
    auto const super = superblock_of(file);
    if (!super) return super.error();
    auto const compressor = compressor_of(*super, file);
    if (!compressor) return compressor.error();

    Fragments const fragments{sqfs_frag_table_create(0)};
    DirReader const reader{sqfs_dir_reader_create(&*super, compressor->get(), &file, 0)};
    if (!fragments || !reader) return fail(Errc::io, "no memory for the squashfs tables");
    bool const has_fragments = super->fragment_entry_count > 0 && !(super->flags & SQFS_FLAG_NO_FRAGMENTS);
    if (has_fragments && sqfs_frag_table_read(fragments.get(), &file, &*super, compressor->get()) != 0)
        return bad("has an unreadable fragment table");

    Layout layout;
    layout.compression = super->compression_id;
    layout.block_size = super->block_size;
    Files const files{*super, *reader, fragments.get()};
    for (auto const target : {Target::boot, Target::rootfs}) {
        auto const& image = target == Target::boot ? manifest.boot : manifest.rootfs;
        if (auto ok = files.find_image(target, image, layout.uses); !ok) return ok.error();
        auto& index = target == Target::boot ? layout.boot_index : layout.rootfs_index;
        if (auto ok = files.find_index(target, image, index); !ok) return ok.error();
    }
    if (auto ok = put_in_order(layout.uses); !ok) return ok.error();
    return layout;
}

}   // namespace ota
