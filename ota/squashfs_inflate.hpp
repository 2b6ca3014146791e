#pragma once
// Inflates the blocks of a squashfs; one object for one thread at a time. By libsquashfs.

#include "core/result.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace ota {

class Inflater {
public:
    // Errors: bad_input (an unsupported compression).
    static core::Result<Inflater> make(unsigned compression, std::uint32_t block_size);
    Inflater(Inflater&&) noexcept;
    ~Inflater();

    // How many bytes of `into` were filled. Errors: bad_input (damaged, or larger than `into`).
    core::Result<std::size_t> inflate(std::span<std::byte const> stored, std::span<std::byte> into);

private:
    struct Library;
    explicit Inflater(std::unique_ptr<Library> library);
    std::unique_ptr<Library> library_;
};

}   // namespace ota
