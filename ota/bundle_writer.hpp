#pragma once
// From verified bytes of a bundle to the slot: takes the stream in pieces, checks each against the hash tree
// before anything else looks at it, inflates and writes. All of it blocks: use it on the pool, one call at a
// time.

#include "ota/bundle_plan.hpp"
#include "ota/slot_target.hpp"
#include "ota/squashfs_inflate.hpp"

#include <memory>
#include <span>
#include <vector>

namespace ota {

class BundleWriter {
public:
    // Opens both targets, then zeroes and syncs their heads.
    static core::Result<std::shared_ptr<BundleWriter>> open(std::shared_ptr<BundlePlan const> plan,
                                                            SlotTargets const& targets);

    // The next piece of the stream, whole verity blocks; it must stay there until write_some has used it up.
    // Errors: bad_signature; then nothing of the piece is used.
    core::Result<void> verify(std::span<std::byte const> piece);

    // Writes what the piece holds, about 2 MiB at a time, so that a cancellation is never far away. True when
    // the piece is used up. Errors: bad_input, and those of SlotTarget::write.
    core::Result<bool> write_some();

    // Syncs, then the heads: the boot target's last of all. Errors: bad_input (the stream was too short).
    core::Result<void> finish();

private:
    BundleWriter(std::shared_ptr<BundlePlan const> plan,
                 SlotTarget boot,
                 SlotTarget rootfs,
                 Inflater inflater);

    core::Result<bool> take_block(Use const& use, std::size_t& written);
    core::Result<void> write_uses(std::uint32_t from, std::span<std::byte const> block, std::size_t& written);
    core::Result<void> write_zeros(Use const& use);
    SlotTarget& target(Target image) { return image == Target::boot ? boot_ : rootfs_; }

    std::shared_ptr<BundlePlan const> plan_;
    SlotTarget boot_;
    SlotTarget rootfs_;
    Inflater inflater_;
    std::span<std::byte const> piece_;   // not used up yet
    std::uint64_t position_ = 0;         // in the bundle, of piece_
    std::uint64_t verified_ = 0;         // everything before this offset was verified
    std::size_t next_ = 0;               // use to be written next
    std::vector<std::byte> split_;       // the begin of a compressed block whose end is in a later piece
    std::vector<std::byte> inflated_;
};

}   // namespace ota
