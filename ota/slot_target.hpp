#pragma once
// One partition of the spare slot (or, in simulation, a file as large as it), written so that it never looks
// whole before it is: the first 4 KiB are zeroed and synced first and written last, and of them the first 512
// bytes, the one sector without which nothing loads: a medium that tears in the head must not leave one that
// does.
//
// Writes are gathered into large aligned ones, past the page cache where the device allows it. All of it
// blocks: use it on the pool.

#include "core/owned.hpp"
#include "core/result.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace ota {

// Bytes that a block device or file can hold. Errors: not_found ("slot device missing"), refused (neither a
// block device nor a regular file), errno's.
core::Result<std::uint64_t> slot_size(std::filesystem::path const& path);

// What is zeroed first and written last.
inline constexpr std::uint64_t kSlotHead = 4096;

class SlotTarget {
public:
    // A mounted or otherwise used block device is refused by the kernel (EBUSY). Errors: too_large, and those
    // of slot_size.
    static core::Result<SlotTarget> open(std::filesystem::path path, std::uint64_t image_size);

    core::Result<void> clear_head();
    // Anywhere inside the image, in any order; the head is kept in memory until write_head.
    core::Result<void> write(std::uint64_t offset, std::span<std::byte const> bytes);
    core::Result<void> sync();         // everything but the head
    core::Result<void> write_head();   // and syncs

private:
    SlotTarget() = default;
    core::Result<void> flush();
    core::Result<void> put(std::uint64_t offset, std::span<std::byte const> bytes);
    bool go_direct(bool wanted);
    core::Error lost(core::Error why);

    std::filesystem::path path_;
    core::OwnedFd fd_;
    std::uint64_t image_size_ = 0;
    std::vector<std::byte> head_;
    core::Owned<std::byte, std::free> gathered_;
    std::uint64_t gathered_at_ = 0;
    std::size_t gathered_size_ = 0;
    bool may_go_direct_ = true;
    bool is_direct_ = false;
    // Of a write or sync that failed: its bytes are gone and the kernel tells of it once (docs/traps.md, 21),
    // so from then on everything fails.
    std::optional<core::Error> failed_;
};

}   // namespace ota
