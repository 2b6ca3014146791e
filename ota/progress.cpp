#include "ota/progress.hpp"

#include "core/owned.hpp"
#include "ota/slot_target.hpp"

#include <openssl/evp.h>

#include <algorithm>

namespace ota {

using core::Sha256;

namespace {

constexpr std::uint32_t kMostMib = 16 * 1024;
constexpr std::size_t kMostRecorded =
    6 * 1024;   // of each image: a state file holds 1 MiB, a MiB takes up to 76 bytes

core::json::array to_json(std::vector<WrittenMib> const& written) {
    core::json::array list;
    for (auto const& mib : written)
        list.push_back({std::int64_t{mib.number}, mib.sha256 ? core::to_hex(*mib.sha256) : std::string{}});
    return list;
}

std::optional<WrittenMib> mib_from_json(core::json::value const& value) {
    if (!value.is_array() || value.as_array().size() != 2) return std::nullopt;
    auto const& number = value.as_array()[0];
    auto const& hash = value.as_array()[1];
    if (!number.is_int64() || number.as_int64() < 0 || number.as_int64() >= kMostMib || !hash.is_string())
        return std::nullopt;
    WrittenMib mib{.number = static_cast<std::uint32_t>(number.as_int64()), .sha256 = std::nullopt};
    if (hash.as_string().empty()) return mib;
    mib.sha256 = core::sha256_from_hex(hash.as_string());
    return mib.sha256 ? std::optional{mib} : std::nullopt;
}

std::optional<std::vector<WrittenMib>> mibs_from_json(core::json::object const& object, char const* key) {
    auto const* list = object.if_contains(key);
    if (!list || !list->is_array()) return std::nullopt;
    std::vector<WrittenMib> written;
    for (auto const& value : list->as_array()) {
        auto const mib = mib_from_json(value);
        if (!mib || (!written.empty() && written.back().number >= mib->number)) return std::nullopt;
        written.push_back(*mib);
    }
    return written;
}

}   // namespace

core::json::object to_json(Progress const& progress) {
    return {{"manifest_hash", core::to_hex(progress.manifest_hash)},
            {"slot", core::name(progress.target)},
            {"boot", to_json(progress.boot)},
            {"rootfs", to_json(progress.rootfs)}};
}

std::optional<Progress> progress_from_json(core::json::object const& object) {
    auto const hash = core::sha256_from_hex(core::string_in(object, "manifest_hash").value_or(""));
    auto const slot = core::slot_named(core::string_in(object, "slot").value_or(""));
    auto boot = mibs_from_json(object, "boot");
    auto rootfs = mibs_from_json(object, "rootfs");
    if (!hash || !slot || !boot || !rootfs) return std::nullopt;
    return Progress{*hash, *slot, std::move(*boot), std::move(*rootfs)};
}

Stretch bytes_of_mib(std::uint32_t number, std::uint64_t image_size) noexcept {
    auto const begin = number == 0 ? kSlotHead : number * kMib;
    auto const end = std::min((number + 1) * kMib, image_size);
    return begin < end ? Stretch{begin, end - begin} : Stretch{begin, 0};
}

struct MibTracker::Mib {
    std::uint64_t left = 0;    // bytes not written yet
    bool is_hashed = false;    // holds something that the bundle stores compressed
    bool is_lost = false;      // its bytes came out of order
    bool is_claimed = false;   // recorded before; not looked at again yet
    WrittenMib written;
};

struct MibTracker::Hash {
    core::Owned<EVP_MD_CTX, EVP_MD_CTX_free> context{EVP_MD_CTX_new()};
    std::optional<std::size_t> mib;
    std::uint64_t next = 0;   // offset in the image

    void begin(std::size_t number, std::uint64_t offset) {
        EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr);
        mib = number;
        next = offset;
    }
    void add(std::span<std::byte const> bytes) {
        EVP_DigestUpdate(context.get(), bytes.data(), bytes.size());
        next += bytes.size();
    }
    Sha256 end() {
        Sha256 digest{};
        EVP_DigestFinal_ex(context.get(), digest.data(), nullptr);
        mib.reset();
        return digest;
    }
};

MibTracker::MibTracker(std::vector<Use> const& uses,
                       Target image,
                       std::uint64_t image_size,
                       std::vector<WrittenMib> kept)
    : image_size_{image_size}, mibs_((image_size + kMib - 1) / kMib), hash_{std::make_unique<Hash>()} {
    for (std::size_t i = 0; i < mibs_.size(); ++i) {
        mibs_[i].written.number = static_cast<std::uint32_t>(i);
        mibs_[i].left = bytes_of_mib(mibs_[i].written.number, image_size).size;
    }
    for (auto const& use : uses) {
        if (use.image != image || use.stored == 0 || !use.compressed) continue;
        for (auto at = use.image_offset / kMib; at <= (use.image_offset + use.length - 1) / kMib; ++at)
            mibs_[at].is_hashed = true;
    }
    for (auto const& mib : kept) {
        if (mib.number >= mibs_.size()) continue;
        mibs_[mib.number].written = mib;
        mibs_[mib.number].is_claimed = !mib.sha256;
        if (mib.sha256) mibs_[mib.number].left = 0;
    }
}

MibTracker::MibTracker(MibTracker&&) noexcept = default;
MibTracker::~MibTracker() = default;

void MibTracker::wrote(std::uint64_t offset, std::span<std::byte const> bytes) {
    note(offset, bytes, bytes.size());
}

void MibTracker::skipped(std::uint64_t offset, std::uint64_t size) {
    note(offset, {}, size);
}

void MibTracker::note(std::uint64_t offset, std::span<std::byte const> bytes, std::uint64_t size) {
    if (offset < kSlotHead) {
        auto const head = std::min(kSlotHead - offset, size);
        offset += head;
        size -= head;
        if (!bytes.empty()) bytes = bytes.subspan(head);
    }
    while (size > 0) {
        auto& mib = mibs_[offset / kMib];
        auto const n = std::min(size, (offset / kMib + 1) * kMib - offset);
        count(mib, offset, bytes.empty() ? bytes : bytes.first(n), n);
        if (!bytes.empty()) bytes = bytes.subspan(n);
        offset += n;
        size -= n;
    }
}

void MibTracker::count(Mib& mib, std::uint64_t offset, std::span<std::byte const> bytes, std::uint64_t size) {
    if (mib.left == 0) return;   // kept from before
    mib.left -= std::min(mib.left, size);
    if (!mib.is_hashed || mib.is_lost) return;
    auto const number = mib.written.number;
    if (offset == bytes_of_mib(number, image_size_).offset) {
        if (hash_->mib) mibs_[*hash_->mib].is_lost = true;   // left before its end
        hash_->begin(number, offset);
    }
    if (bytes.empty() || hash_->mib != number || hash_->next != offset) {
        mib.is_lost = true;
        return;
    }
    hash_->add(bytes);
    if (mib.left == 0) mib.written.sha256 = hash_->end();
}

std::vector<WrittenMib> MibTracker::written() const {
    std::vector<WrittenMib> written;
    for (auto const& mib : mibs_) {
        if (written.size() == kMostRecorded) break;
        if ((mib.left == 0 || mib.is_claimed) && !mib.is_lost) written.push_back(mib.written);
    }
    return written;
}

}   // namespace ota
