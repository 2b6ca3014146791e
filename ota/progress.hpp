#pragma once
// How much of an update is written and synced, so that a power cut or a lost connection costs at most the
// last few MiB. <data>/state/progress.json, bound to the signed manifest and the slot.
//
// It is a hint like an index: what it claims is looked at again in the slot, and what is not there is
// fetched.

#include "core/json.hpp"
#include "core/sha256.hpp"
#include "core/slot.hpp"
#include "ota/bundle_plan.hpp"

#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace ota {

inline constexpr std::uint64_t kMib = 1024 * 1024;

struct WrittenMib {
    std::uint32_t number =
        0;   // of the image; the last one may be shorter, the first one begins behind the head
    // Of the slot's bytes; nothing where the bundle holds them as they are: the signed hash tree tells those.
    std::optional<core::Sha256> sha256;
    bool operator==(WrittenMib const&) const = default;
};

struct Progress {
    core::Sha256 manifest_hash{};
    core::Slot target = core::Slot::b;
    std::vector<WrittenMib> boot;   // by number
    std::vector<WrittenMib> rootfs;

    std::vector<WrittenMib> const& of(Target image) const { return image == Target::boot ? boot : rootfs; }
    std::vector<WrittenMib>& of(Target image) { return image == Target::boot ? boot : rootfs; }
    bool operator==(Progress const&) const = default;
};

core::json::object to_json(Progress const& progress);
// Nothing if a part is missing or not what it should be.
std::optional<Progress> progress_from_json(core::json::object const& object);

// The bytes of one MiB of an image of `image_size` bytes, without the head that is written last.
struct Stretch {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
};
Stretch bytes_of_mib(std::uint32_t number, std::uint64_t image_size) noexcept;

// Follows the writes to one image and knows which MiB are complete. A MiB is hashed while it is written, if
// anything in it is stored compressed; one whose bytes come out of order is then never recorded.
class MibTracker {
public:
    MibTracker(std::vector<Use> const& uses,
               Target image,
               std::uint64_t image_size,
               std::vector<WrittenMib> kept);
    MibTracker(MibTracker&&) noexcept;
    ~MibTracker();

    void wrote(std::uint64_t offset, std::span<std::byte const> bytes);   // each byte once
    void skipped(std::uint64_t offset, std::uint64_t size);   // verified to be there, as stored in the bundle
    std::vector<WrittenMib> written() const;                  // by number

private:
    struct Mib;
    struct Hash;
    void count(Mib& mib, std::uint64_t offset, std::span<std::byte const> bytes, std::uint64_t size);
    void note(std::uint64_t offset, std::span<std::byte const> bytes, std::uint64_t size);

    std::uint64_t image_size_;
    std::vector<Mib> mibs_;
    std::unique_ptr<Hash> hash_;   // of the MiB that is being written
};

}   // namespace ota
