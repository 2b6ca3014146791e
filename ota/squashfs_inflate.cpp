#include "ota/squashfs_inflate.hpp"

#include "core/owned.hpp"

#include <sqfs/compressor.h>

namespace ota {

using core::Errc;
using core::fail;
using core::Result;

struct Inflater::Library {
    core::Owned<sqfs_compressor_t, sqfs_destroy> codec;
};

Inflater::Inflater(std::unique_ptr<Library> library) : library_{std::move(library)} {}
Inflater::Inflater(Inflater&&) noexcept = default;
Inflater::~Inflater() = default;

Result<Inflater> Inflater::make(unsigned compression, std::uint32_t block_size) {
    sqfs_compressor_config_t settings{};
    sqfs_compressor_t* codec = nullptr;
    if (sqfs_compressor_config_init(&settings, static_cast<SQFS_COMPRESSOR>(compression), block_size,
                                    SQFS_COMP_FLAG_UNCOMPRESS) != 0 ||
        sqfs_compressor_create(&settings, &codec) != 0)
        return fail(Errc::bad_input, "the bundle uses a compression that this device does not know");
    auto library = std::make_unique<Library>();
    library->codec.reset(codec);
    return Inflater{std::move(library)};
}

Result<std::size_t> Inflater::inflate(std::span<std::byte const> stored, std::span<std::byte> into) {
    auto* const codec = library_->codec.get();
    auto const got = codec->do_block(
        codec, reinterpret_cast<sqfs_u8 const*>(stored.data()), static_cast<sqfs_u32>(stored.size()),
        reinterpret_cast<sqfs_u8*>(into.data()), static_cast<sqfs_u32>(into.size()));
    if (got <= 0) return fail(Errc::bad_input, "a block of the bundle's squashfs cannot be inflated");
    return static_cast<std::size_t>(got);
}

}   // namespace ota
