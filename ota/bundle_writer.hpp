#pragma once
// From verified bytes of a bundle to the slot: takes the stream in pieces, checks each against the hash tree
// before anything else looks at it, inflates and writes. All of it blocks: use it on the pool, one call at a
// time.

#include "ota/bundle_plan.hpp"
#include "ota/local_copies.hpp"
#include "ota/slot_target.hpp"
#include "ota/squashfs_inflate.hpp"

#include <memory>
#include <span>
#include <vector>

namespace ota {

// The next bytes of the bundle, whole verity blocks.
struct Piece {
    std::uint64_t offset = 0;   // in the bundle
    std::span<std::byte const> bytes;
    std::shared_ptr<Leaves const> leaves;   // that vouch for it
    bool in_place = false;                  // it was read from the targets, from where it would be written to
};

class BundleWriter {
public:
    // Opens both targets, then zeroes and syncs their heads.
    static core::Result<std::shared_ptr<BundleWriter>>
    open(std::shared_ptr<BundlePlan const> plan, SlotTargets const& targets, Found const& found);

    // The uses that are left to be written: not those that were found done.
    std::vector<Use> const& uses() const noexcept { return uses_; }

    // Pieces come by ascending offset, each use's blocks without a gap; the bytes must stay there until
    // write_some has used them up. Errors: bad_signature; then nothing of the piece is used.
    core::Result<void> verify(Piece const& piece);

    // Writes what the piece holds, about 2 MiB at a time, so that a cancellation is never far away. True when
    // the piece is used up. Errors: bad_input, and those of SlotTarget::write.
    core::Result<bool> write_some();

    // Syncs what is written, and says what is complete.
    core::Result<Progress> sync();

    // Syncs, then the heads: the boot target's last of all. Errors: bad_input (the stream was too short).
    core::Result<void> finish();

private:
    BundleWriter(std::shared_ptr<BundlePlan const> plan,
                 SlotTarget boot,
                 SlotTarget rootfs,
                 Inflater inflater,
                 Found const& found);

    core::Result<bool> take_block(Use const& use, std::size_t& written);
    core::Result<void> write_uses(std::uint32_t from, std::span<std::byte const> block, std::size_t& written);
    core::Result<void> write_zeros(Use const& use);
    core::Result<void> put(Target image, std::uint64_t offset, std::span<std::byte const> bytes);
    SlotTarget& target(Target image) { return image == Target::boot ? boot_ : rootfs_; }
    MibTracker& tracker(Target image) { return image == Target::boot ? boot_mibs_ : rootfs_mibs_; }

    std::shared_ptr<BundlePlan const> plan_;
    SlotTarget boot_;
    SlotTarget rootfs_;
    Inflater inflater_;
    std::vector<Use> uses_;
    MibTracker boot_mibs_;
    MibTracker rootfs_mibs_;
    Progress progress_;                  // which bundle, and where to
    bool in_place_ = false;              // of the piece
    std::span<std::byte const> piece_;   // not used up yet
    std::uint64_t position_ = 0;         // in the bundle, of piece_
    std::uint64_t verified_ = 0;         // where the piece ends
    std::size_t next_ = 0;               // use to be written next
    std::vector<std::byte> split_;       // the begin of a compressed block whose end is in a later piece
    std::vector<std::byte> inflated_;
};

}   // namespace ota
