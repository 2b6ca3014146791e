#include "ota/slot_target.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace ota {

using core::Errc;
using core::fail;
using core::fail_errno;
using core::OwnedFd;
using core::Result;

namespace {

constexpr std::size_t kAlign = 4096;   // no device of ours has larger sectors
constexpr std::size_t kSector = 512;   // nor smaller ones: what is written whole or not at all
constexpr std::size_t kGather = 512 * 1024;

Result<std::uint64_t> size_of(int fd, std::filesystem::path const& path) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) return fail_errno("looking at " + path.string());
    if (S_ISREG(status.st_mode)) return static_cast<std::uint64_t>(status.st_size);
    if (!S_ISBLK(status.st_mode))
        return fail(Errc::refused, path.string() + " is neither a block device nor a regular file");
    std::uint64_t bytes = 0;
    if (::ioctl(fd, BLKGETSIZE64, &bytes) != 0) return fail_errno("reading the size of " + path.string());
    return bytes;
}

Result<OwnedFd> open_slot(std::filesystem::path const& path, int flags) {
    OwnedFd fd{::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK)};
    if (fd) return fd;
    if (errno == ENOENT || errno == ENXIO || errno == ENODEV)
        return fail(Errc::not_found, "slot device missing: " + path.string());
    return fail_errno("opening " + path.string());
}

}   // namespace

Result<std::uint64_t> slot_size(std::filesystem::path const& path) {
    auto const fd = open_slot(path, O_RDONLY);
    if (!fd) return fd.error();
    return size_of(fd->get(), path);
}

Result<SlotTarget> SlotTarget::open(std::filesystem::path path, std::uint64_t image_size) {
    struct stat status {};
    bool const is_device = ::stat(path.c_str(), &status) == 0 && S_ISBLK(status.st_mode);
    auto fd = open_slot(path, O_WRONLY | (is_device ? O_EXCL : 0));
    if (!fd) return fd.error();
    auto const size = size_of(fd->get(), path);
    if (!size) return size.error();
    if (image_size > *size)
        return fail(Errc::too_large, "the image of " + std::to_string(image_size) + " bytes is larger than " +
                                         path.string() + " of " + std::to_string(*size) + " bytes");
    SlotTarget target;
    target.gathered_.reset(static_cast<std::byte*>(std::aligned_alloc(kAlign, kGather)));
    if (!target.gathered_) return fail(Errc::io, "no memory to write " + path.string());
    target.path_ = std::move(path);
    target.fd_ = std::move(*fd);
    target.image_size_ = image_size;
    target.head_.resize(std::min<std::uint64_t>(kSlotHead, *size));
    return target;
}

// A medium with small sectors may take a part of the head, in any order: the first sector alone goes first.
Result<void> SlotTarget::clear_head() {
    std::vector<std::byte> const zeros(head_.size());
    auto const first = std::min(kSector, zeros.size());
    if (auto ok = put(0, std::span{zeros}.first(first)); !ok) return ok;
    if (auto ok = sync(); !ok) return ok;
    if (auto ok = put(first, std::span{zeros}.subspan(first)); !ok) return ok;
    return sync();
}

Result<void> SlotTarget::write(std::uint64_t offset, std::span<std::byte const> bytes) {
    if (offset > image_size_ || bytes.size() > image_size_ - offset)
        return fail(Errc::bad_input, "a block lies outside its image");
    if (offset < head_.size()) {
        auto const n = std::min<std::size_t>(bytes.size(), head_.size() - offset);
        std::memcpy(head_.data() + offset, bytes.data(), n);
        offset += n;
        bytes = bytes.subspan(n);
    }
    while (!bytes.empty()) {
        if (offset != gathered_at_ + gathered_size_) {
            if (auto ok = flush(); !ok) return ok;
            gathered_at_ = offset;
        }
        // What begins between two blocks ends at the next one, so that what follows can go past the page
        // cache.
        auto const room = gathered_at_ % kAlign == 0 ? kGather : kAlign - gathered_at_ % kAlign;
        if (gathered_size_ >= room) {
            if (auto ok = flush(); !ok) return ok;
            gathered_at_ = offset;
            continue;
        }
        auto const n = std::min(bytes.size(), room - gathered_size_);
        std::memcpy(gathered_.get() + gathered_size_, bytes.data(), n);
        gathered_size_ += n;
        offset += n;
        bytes = bytes.subspan(n);
    }
    return {};
}

Result<void> SlotTarget::sync() {
    if (auto ok = flush(); !ok) return ok;
    if (::fsync(fd_.get()) != 0) return lost(fail_errno("syncing " + path_.string()));
    return {};
}

// … and comes last.
Result<void> SlotTarget::write_head() {
    auto const first = std::min(kSector, head_.size());
    if (auto ok = put(first, std::span{head_}.subspan(first)); !ok) return ok;
    if (auto ok = sync(); !ok) return ok;
    if (auto ok = put(0, std::span{head_}.first(first)); !ok) return ok;
    return sync();
}

Result<void> SlotTarget::flush() {
    std::span<std::byte const> const bytes{gathered_.get(), gathered_size_};
    auto const aligned = gathered_at_ % kAlign == 0 ? bytes.size() / kAlign * kAlign : 0;
    gathered_size_ = 0;
    if (aligned > 0) {
        go_direct(true);
        if (auto ok = put(gathered_at_, bytes.first(aligned)); !ok) return ok;
        go_direct(false);
    }
    return put(gathered_at_ + aligned, bytes.subspan(aligned));
}

Result<void> SlotTarget::put(std::uint64_t offset, std::span<std::byte const> bytes) {
    if (failed_) return *failed_;
    while (!bytes.empty()) {
        auto const n = ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (n < 0 && errno == EINTR) continue;
        // Larger sectors than expected, or a short write before: the page cache takes it.
        if (n < 0 && errno == EINVAL && is_direct_ && go_direct(false)) {
            may_go_direct_ = false;
            continue;
        }
        if (n < 0) return lost(fail_errno("writing " + path_.string()));
        if (n == 0) return lost(fail(Errc::io, path_.string() + " takes no more bytes"));
        offset += static_cast<std::uint64_t>(n);
        bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
    return {};
}

core::Error SlotTarget::lost(core::Error why) {
    failed_ = why;
    return why;
}

bool SlotTarget::go_direct(bool wanted) {
    if (wanted == is_direct_ || (wanted && !may_go_direct_)) return wanted == is_direct_;
    auto const flags = ::fcntl(fd_.get(), F_GETFL);
    if (::fcntl(fd_.get(), F_SETFL, wanted ? flags | O_DIRECT : flags & ~O_DIRECT) != 0) {
        may_go_direct_ = false;   // a file system without it
        return false;
    }
    is_direct_ = wanted;
    return true;
}

}   // namespace ota
