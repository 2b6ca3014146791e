#include "ota/squashfs_blocks.hpp"

#include "core/owned.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <sqfs/block.h>
#include <sqfs/compressor.h>
#include <sqfs/error.h>
#include <sqfs/frag_table.h>
#include <sqfs/inode.h>
#include <sqfs/io.h>
#include <sqfs/meta_reader.h>
#include <sqfs/super.h>

#include <algorithm>
#include <cerrno>

namespace ota {

using core::Errc;
using core::fail;
using core::fail_errno;
using core::Owned;
using core::Result;

namespace {

using Compressor = Owned<sqfs_compressor_t, sqfs_destroy>;
using Fragments = Owned<sqfs_frag_table_t, sqfs_destroy>;
using Inode = Owned<sqfs_inode_generic_t, sqfs_free>;
using MetaReader = Owned<sqfs_meta_reader_t, sqfs_destroy>;

constexpr std::uint64_t kMostBlocks =
    1 << 16;   // about 12 MiB while a delta is looked for; 8 GiB in blocks of 128 KiB

// libsquashfs' own file takes a block device for an empty one.
struct ImageFile : sqfs_file_t {
    int fd;

    explicit ImageFile(int opened) : sqfs_file_t{}, fd{opened} {
        base.destroy = [](sqfs_object_t*) {};
        read_at = [](sqfs_file_t* file, sqfs_u64 offset, void* into, size_t size) {
            return static_cast<ImageFile*>(file)->read(offset, into, size);
        };
        get_size = [](sqfs_file_t const* file) -> sqfs_u64 {
            return static_cast<sqfs_u64>(::lseek(static_cast<ImageFile const*>(file)->fd, 0, SEEK_END));
        };
    }
    int read(std::uint64_t offset, void* into, std::size_t size) const {
        auto* at = static_cast<char*>(into);
        while (size > 0) {
            auto const n = ::pread(fd, at, size, static_cast<off_t>(offset));
            if (n < 0 && errno == EINTR) continue;
            if (n < 0) return SQFS_ERROR_IO;
            if (n == 0) return SQFS_ERROR_OUT_OF_BOUNDS;
            at += n;
            offset += static_cast<std::uint64_t>(n);
            size -= static_cast<std::size_t>(n);
        }
        return 0;
    }
};

Result<Compressor> compressor_of(sqfs_super_t const& super, ImageFile& file) {
    sqfs_compressor_config_t settings{};
    sqfs_compressor_t* made = nullptr;
    if (sqfs_compressor_config_init(&settings, static_cast<SQFS_COMPRESSOR>(super.compression_id),
                                    super.block_size, SQFS_COMP_FLAG_UNCOMPRESS) != 0 ||
        sqfs_compressor_create(&settings, &made) != 0)
        return fail(Errc::bad_input, "it uses a compression that this device does not know");
    Compressor compressor{made};
    if ((super.flags & SQFS_FLAG_COMPRESSOR_OPTIONS) && made->read_options(made, &file) != 0)
        return fail(Errc::bad_input, "it has unreadable compressor options");
    return compressor;
}

void add_block(std::vector<StoredBlock>& blocks, std::uint64_t offset, std::uint32_t size_word) {
    if (!SQFS_IS_SPARSE_BLOCK(size_word)) blocks.push_back({offset, SQFS_ON_DISK_BLOCK_SIZE(size_word)});
}

void add_blocks_of(std::vector<StoredBlock>& blocks, sqfs_inode_generic_t const& inode) {
    std::uint64_t at = 0;
    if (sqfs_inode_get_file_block_start(&inode, &at) != 0) return;   // no regular file
    auto const count = sqfs_inode_get_file_block_count(&inode);
    for (std::size_t i = 0; i < count; ++i) {
        add_block(blocks, at, inode.extra[i]);
        at += SQFS_ON_DISK_BLOCK_SIZE(inode.extra[i]);
    }
}

// One inode after the other, as they lie in their table: no directory is walked.
Result<void>
add_files(std::vector<StoredBlock>& blocks, sqfs_super_t const& super, sqfs_meta_reader_t& reader) {
    std::uint64_t block = super.inode_table_start;
    std::size_t offset = 0;
    for (std::uint32_t i = 0; i < super.inode_count; ++i) {
        sqfs_inode_generic_t* found = nullptr;
        auto const code =
            sqfs_meta_reader_read_inode(&reader, &super, block - super.inode_table_start, offset, &found);
        Inode const inode{found};
        if (code != 0) return fail(Errc::bad_input, "its inode table is damaged");
        add_blocks_of(blocks, *inode);
        if (blocks.size() > kMostBlocks) return fail(Errc::bad_input, "it has more than 65536 blocks");
        sqfs_meta_reader_get_position(&reader, &block, &offset);
    }
    return {};
}

Result<void> add_fragments(std::vector<StoredBlock>& blocks,
                           sqfs_super_t const& super,
                           ImageFile& file,
                           sqfs_compressor_t* compressor) {
    if (super.fragment_entry_count == 0 || (super.flags & SQFS_FLAG_NO_FRAGMENTS)) return {};
    Fragments const table{sqfs_frag_table_create(0)};
    if (!table || super.fragment_entry_count > kMostBlocks ||
        sqfs_frag_table_read(table.get(), &file, &super, compressor) != 0)
        return fail(Errc::bad_input, "its fragment table is damaged");
    for (std::uint32_t i = 0; i < super.fragment_entry_count; ++i) {
        sqfs_fragment_t fragment{};
        if (sqfs_frag_table_lookup(table.get(), i, &fragment) != 0) break;
        add_block(blocks, fragment.start_offset, fragment.size);
    }
    return {};
}

Result<std::vector<StoredBlock>> blocks_in(ImageFile& file) {
    sqfs_super_t super{};
    if (sqfs_super_read(&super, &file) != 0)
        return fail(Errc::bad_input, "it does not begin with a squashfs");
    if (super.bytes_used > file.get_size(&file))
        return fail(Errc::bad_input,
                    "it is cut off: its squashfs has " + std::to_string(super.bytes_used) + " bytes");
    auto const compressor = compressor_of(super, file);
    if (!compressor) return compressor.error();
    MetaReader const reader{sqfs_meta_reader_create(&file, compressor->get(), super.inode_table_start,
                                                    super.directory_table_start)};
    if (!reader) return fail(Errc::io, "no memory for its tables");
    std::vector<StoredBlock> blocks;
    if (auto ok = add_files(blocks, super, *reader); !ok) return ok.error();
    if (auto ok = add_fragments(blocks, super, file, compressor->get()); !ok) return ok.error();
    std::ranges::sort(blocks);
    auto const doubles = std::ranges::unique(blocks);
    blocks.erase(doubles.begin(), doubles.end());
    // Tables that lie about where blocks are must not have us read elsewhere.
    std::erase_if(blocks, [&](StoredBlock const& block) {
        return block.offset > super.bytes_used || block.size > super.bytes_used - block.offset ||
               block.size > super.block_size;
    });
    return blocks;
}

}   // namespace

Result<std::vector<StoredBlock>> stored_blocks(std::filesystem::path const& path) {
    core::OwnedFd const fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!fd) return fail_errno("opening " + path.string());
    ImageFile file{fd.get()};
    auto blocks = blocks_in(file);
    if (!blocks) return fail(blocks, "reading the squashfs in " + path.string());
    return blocks;
}

}   // namespace ota
