#include "ota/bundle.hpp"
#include "ota/slot_target.hpp"

#include <fcntl.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cerrno>

namespace ota {

using core::Errc;
using core::fail;
using core::fail_errno;

namespace {

constexpr std::size_t kPiece = 256 * 1024;
constexpr std::uint64_t kCheckedAtOnce =
    8 * 1024 * 1024;   // read per call, so that a cancellation is never far away

// The SHA-256 of the first bytes of a slot. Blocks; for the pool.
class SlotHash {
public:
    static Result<std::shared_ptr<SlotHash>> open(std::filesystem::path const& path, std::uint64_t size) {
        auto const held = slot_size(path);
        if (!held) return held.error();
        auto hash = std::make_shared<SlotHash>();
        hash->path_ = path;
        hash->left_ = size;
        hash->is_too_short_ = *held < size;
        hash->fd_ = core::OwnedFd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
        if (!hash->fd_) return fail_errno("opening " + path.string());
        hash->digest_.reset(EVP_MD_CTX_new());
        if (!hash->digest_ || EVP_DigestInit_ex(hash->digest_.get(), EVP_sha256(), nullptr) != 1)
            return fail(Errc::io, "no SHA-256 for " + path.string());
        return hash;
    }

    // True when all was read.
    Result<bool> read_some() {
        if (is_too_short_) return true;
        for (std::uint64_t done = 0; left_ > 0 && done < kCheckedAtOnce;) {
            auto const n = ::pread(fd_.get(), piece_.data(), std::min<std::uint64_t>(left_, kPiece),
                                   static_cast<off_t>(at_));
            if (n < 0 && errno == EINTR) continue;
            if (n < 0) return fail_errno("reading " + path_.string());
            if (n == 0) return fail(Errc::io, path_.string() + " ended early");
            EVP_DigestUpdate(digest_.get(), piece_.data(), static_cast<std::size_t>(n));
            // What was read once is not read again soon; the memory is small.
            ::posix_fadvise(fd_.get(), static_cast<off_t>(at_), n, POSIX_FADV_DONTNEED);
            at_ += static_cast<std::uint64_t>(n);
            left_ -= static_cast<std::uint64_t>(n);
            done += static_cast<std::uint64_t>(n);
        }
        return left_ == 0;
    }

    // Once read_some has said true.
    bool is(core::Sha256 const& wanted) {
        if (is_too_short_) return false;
        core::Sha256 got{};
        EVP_DigestFinal_ex(digest_.get(), got.data(), nullptr);
        return got == wanted;
    }

private:
    std::filesystem::path path_;
    core::OwnedFd fd_;
    core::Owned<EVP_MD_CTX, EVP_MD_CTX_free> digest_;
    std::vector<std::byte> piece_ = std::vector<std::byte>(kPiece);
    std::uint64_t at_ = 0;
    std::uint64_t left_ = 0;
    bool is_too_short_ = false;
};

Task<Result<bool>> slot_holds(core::Workers& workers, std::filesystem::path path, Image image) {
    auto open = [path, size = image.size] { return SlotHash::open(path, size); };
    auto const hash = co_await workers.run(std::move(open));
    if (!hash) co_return hash.error();
    for (;;) {
        auto read = [kept = *hash] { return kept->read_some(); };
        auto const done = co_await workers.run(std::move(read));
        if (!done) co_return done.error();
        if (*done) co_return (*hash)->is(image.sha256);
    }
}

Result<void> check_fit(char const* name, Image const& image, std::filesystem::path const& slot) {
    auto const size = slot_size(slot);
    if (!size) return size.error();
    if (image.size <= *size) return {};
    return fail(Errc::too_large, "image larger than its slot: " + std::string{name} + " has " +
                                     std::to_string(image.size) + " bytes, " + slot.string() + " " +
                                     std::to_string(*size));
}

}   // namespace

Result<void> check_targets(Manifest const& manifest, SlotTargets const& targets) {
    if (auto ok = check_fit("boot", manifest.boot, targets.boot); !ok) return ok;
    if (auto ok = check_fit("rootfs", manifest.rootfs, targets.rootfs); !ok) return ok;
    std::error_code ignored;   // both exist, it was just seen
    if (std::filesystem::equivalent(targets.boot, targets.rootfs, ignored))
        return fail(Errc::refused, "boot and rootfs have the same target " + targets.boot.string());
    return {};
}

Task<Result<bool>> targets_hold(core::Workers& workers, Manifest manifest, SlotTargets targets) {
    auto const boot = co_await slot_holds(workers, targets.boot, manifest.boot);
    if (!boot)
        co_return boot.error();   // a const Result<bool> must not be returned itself: it becomes `true`
    if (!*boot) co_return false;
    co_return co_await slot_holds(workers, targets.rootfs, manifest.rootfs);
}

}   // namespace ota
