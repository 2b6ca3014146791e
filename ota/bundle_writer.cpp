#include "ota/bundle_writer.hpp"

#include <algorithm>

namespace ota {

using core::Errc;
using core::fail;
using core::Result;

namespace {
constexpr std::size_t kWrittenAtOnce = 2 * 1024 * 1024;   // bytes written per call
}

namespace {

std::vector<Use> not_done(Layout const& layout, Found const& found) {
    std::vector<Use> uses;
    for (std::size_t i = 0; i < layout.uses.size(); ++i)
        if (!found.is_done[i]) uses.push_back(layout.uses[i]);
    return uses;
}

}   // namespace

BundleWriter::BundleWriter(std::shared_ptr<BundlePlan const> plan,
                           SlotTarget boot,
                           SlotTarget rootfs,
                           Inflater inflater,
                           Found const& found)
    : plan_{std::move(plan)},
      boot_{std::move(boot)},
      rootfs_{std::move(rootfs)},
      inflater_{std::move(inflater)},
      uses_{not_done(plan_->layout, found)},
      boot_mibs_{plan_->layout.uses, Target::boot, plan_->head.manifest.boot.size, found.progress.boot},
      rootfs_mibs_{plan_->layout.uses, Target::rootfs, plan_->head.manifest.rootfs.size,
                   found.progress.rootfs},
      progress_{.manifest_hash = plan_->head.manifest_hash, .target = found.progress.target},
      inflated_(plan_->layout.block_size) {}

Result<std::shared_ptr<BundleWriter>>
BundleWriter::open(std::shared_ptr<BundlePlan const> plan, SlotTargets const& targets, Found const& found) {
    auto inflater = Inflater::make(plan->layout.compression, plan->layout.block_size);
    if (!inflater) return inflater.error();
    auto boot = SlotTarget::open(targets.boot, plan->head.manifest.boot.size);
    if (!boot) return fail(boot, "opening the boot slot");
    auto rootfs = SlotTarget::open(targets.rootfs, plan->head.manifest.rootfs.size);
    if (!rootfs) return fail(rootfs, "opening the rootfs slot");
    if (auto ok = boot->clear_head(); !ok) return fail(ok, "clearing the boot slot");
    if (auto ok = rootfs->clear_head(); !ok) return fail(ok, "clearing the rootfs slot");
    return std::shared_ptr<BundleWriter>{
        new BundleWriter{std::move(plan), std::move(*boot), std::move(*rootfs), std::move(*inflater), found}};
}

Result<void> BundleWriter::verify(Piece const& piece) {
    if (auto ok = piece.leaves->verify_blocks(piece.offset / kVerityBlock, piece.bytes); !ok) return ok;
    in_place_ = piece.in_place;
    piece_ = piece.bytes;
    position_ = piece.offset;
    verified_ = piece.offset + piece.bytes.size();
    return {};
}

Result<bool> BundleWriter::write_some() {
    auto const& uses = uses_;
    std::size_t written = 0;
    while (next_ < uses.size() && written < kWrittenAtOnce) {
        auto const& use = uses[next_];
        if (use.stored == 0) {
            if (use.offset > verified_) break;
            if (auto ok = write_zeros(use); !ok) return ok.error();
            written += use.length;
            ++next_;
            continue;
        }
        auto const whole = take_block(use, written);
        if (!whole) return whole.error();
        if (!*whole) break;
        while (next_ < uses.size() && uses[next_].offset == use.offset && uses[next_].stored == use.stored)
            ++next_;
    }
    return written < kWrittenAtOnce;
}

// Takes as much of the block as the piece holds; true when the block is complete and written.
Result<bool> BundleWriter::take_block(Use const& use, std::size_t& written) {
    auto const begin = std::max(use.offset, position_);
    auto const end = std::min(use.offset + use.stored, verified_);
    if (begin >= end) return false;
    auto const bytes = piece_.subspan(begin - position_, end - begin);
    bool const whole = end == use.offset + use.stored;
    piece_ = piece_.subspan(end - position_);
    position_ = end;
    if (!use.compressed) {
        if (in_place_) {   // then it has this one use, all of it
            tracker(use.image).skipped(use.image_offset + (begin - use.offset), bytes.size());
            return whole;
        }
        if (auto ok = write_uses(static_cast<std::uint32_t>(begin - use.offset), bytes, written); !ok)
            return ok.error();
        return whole;
    }
    if (!whole || !split_.empty()) split_.insert(split_.end(), bytes.begin(), bytes.end());
    if (!whole) return false;
    auto const size = inflater_.inflate(split_.empty() ? bytes : split_, inflated_);
    if (!size) return size.error();
    split_.clear();
    for (auto i = next_; i < uses_.size() && uses_[i].offset == use.offset; ++i)
        if (std::uint64_t{uses_[i].block_offset} + uses_[i].length > *size)
            return fail(Errc::bad_input, "a block of the bundle's squashfs is shorter than its use");
    if (auto ok = write_uses(0, std::span{inflated_}.first(*size), written); !ok) return ok.error();
    return true;
}

// `block` is the inflated block from byte `from` on.
Result<void>
BundleWriter::write_uses(std::uint32_t from, std::span<std::byte const> block, std::size_t& written) {
    auto const& uses = uses_;
    for (auto i = next_; i < uses.size() && uses[i].offset == uses[next_].offset; ++i) {
        auto const begin = std::max(uses[i].block_offset, from);
        auto const end = std::min<std::uint64_t>(std::uint64_t{uses[i].block_offset} + uses[i].length,
                                                 std::uint64_t{from} + block.size());
        if (begin >= end) continue;
        auto const image_offset = uses[i].image_offset + (begin - uses[i].block_offset);
        if (auto ok = put(uses[i].image, image_offset, block.subspan(begin - from, end - begin)); !ok)
            return ok;
        written += end - begin;
    }
    return {};
}

Result<void> BundleWriter::write_zeros(Use const& use) {
    static constexpr std::byte kZeros[16 * 1024] = {};
    for (std::uint32_t done = 0; done < use.length;) {
        auto const n = std::min<std::uint32_t>(use.length - done, sizeof kZeros);
        if (auto ok = put(use.image, use.image_offset + done, std::span{kZeros}.first(n)); !ok) return ok;
        done += n;
    }
    return {};
}

Result<void> BundleWriter::put(Target image, std::uint64_t offset, std::span<std::byte const> bytes) {
    if (auto ok = target(image).write(offset, bytes); !ok) return ok;
    tracker(image).wrote(offset, bytes);
    return {};
}

Result<Progress> BundleWriter::sync() {
    if (auto ok = rootfs_.sync(); !ok) return ok.error();
    if (auto ok = boot_.sync(); !ok) return ok.error();
    auto progress = progress_;
    progress.boot = boot_mibs_.written();
    progress.rootfs = rootfs_mibs_.written();
    return progress;
}

Result<void> BundleWriter::finish() {
    for (; next_ < uses_.size() && uses_[next_].stored == 0; ++next_)
        if (auto ok = write_zeros(uses_[next_]); !ok) return ok;
    if (next_ != uses_.size()) return fail(Errc::bad_input, "the stream ended before the images did");
    if (auto ok = rootfs_.sync(); !ok) return ok;
    if (auto ok = boot_.sync(); !ok) return ok;
    if (auto ok = rootfs_.write_head(); !ok) return ok;
    return boot_.write_head();
}

}   // namespace ota
