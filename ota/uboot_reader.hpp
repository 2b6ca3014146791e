#pragma once
// Reads the copies of U-Boot's environment from their devices, past the page cache: libubootenv ignores what
// fsync says, and a read from the cache would only show what was meant to be written.

#include "core/owned.hpp"
#include "ota/uboot_copies.hpp"

namespace ota {

class UbootReader {
public:
    // `config` is fw_env.config. Open it before a store: the kernel tells of a failed write-back only those
    // who had the device open (docs/traps.md). Errors: bad_input, io (errno), naming the device.
    static Result<UbootReader> open(std::filesystem::path const& config);

    // Waits until everything written is on the device, then reads it from there. Errors: io (errno).
    Result<std::vector<EnvCopy>> read() const;

    std::vector<CopyPlace> const& places() const noexcept { return places_; }

private:
    UbootReader() = default;
    Result<EnvCopy> read_copy(std::size_t index) const;

    std::vector<CopyPlace> places_;
    std::vector<core::OwnedFd> devices_;   // one for each place
};

}   // namespace ota
