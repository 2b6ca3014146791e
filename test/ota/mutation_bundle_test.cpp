// Thousands of bundles with one byte changed, each through all three steps of ota/bundle.hpp. None is
// accepted unless nothing reads that byte; whatever happens, a slot never holds a byte that the signed root
// hash does not vouch for.

#include "core/owned.hpp"
#include "ota/segments.hpp"
#include "support/install_world.hpp"
#include "support/print_result.hpp"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <ranges>
#include <set>

using core::Errc;
using test::InstallWorld;

namespace {

constexpr std::size_t kHead = 4096;   // of a slot: zeroed first, written last

test::Images images() {
    std::string const words(9'000, 'w');
    std::string const zeros(9'000, '\0');
    return {.boot = test::noise(7'000, 1) + words + test::noise(3'333, 2),
            .rootfs = test::noise(58'000, 3) + words + zeros + test::noise(9'001, 4)};
}

// By rauc, with a file that no device asks for between the images: about 110 KB.
std::string make_bundle(test::Images const& images) {
    test::TemporaryDirectory const at;
    auto const& pki = test::trusted_pki();
    std::filesystem::create_directory(at / "content");
    test::write_whole(at / "content/boot.img", images.boot);
    test::write_whole(at / "content/notes", test::noise(26'000, 5));
    test::write_whole(at / "content/rootfs.img", images.rootfs);
    test::write_whole(at / "content/manifest.raucm",
                      "[update]\ncompatible=test-box\nversion=2.1\n[bundle]\nformat=verity\n"
                      "[image.boot]\nfilename=boot.img\n[image.rootfs]\nfilename=rootfs.img\n");
    test::must_run(at.path(), "rauc bundle --cert='" + pki.cert.string() + "' --key='" + pki.key.string() +
                                  "' --keyring='" + pki.keyring.string() +
                                  "' --mksquashfs-args='-comp zstd -b 4K' content made.raucb");
    return test::read_whole(at / "made.raucb");
}

// A slot in memory: thousands of installations would wear a disk.
class MemorySlot {
public:
    MemorySlot(std::size_t size, unsigned seed)
        : old_{test::noise(size, seed)}, fd_{::memfd_create("slot", MFD_CLOEXEC)} {
        refill();
    }
    std::filesystem::path path() const { return "/proc/self/fd/" + std::to_string(fd_.get()); }
    void refill() const { REQUIRE(::pwrite(fd_.get(), old_.data(), old_.size(), 0) == ssize_t(old_.size())); }
    std::string content() const {
        std::string bytes(old_.size() + 1, '\0');   // one more would show that it has grown
        auto const got = ::pread(fd_.get(), bytes.data(), bytes.size(), 0);
        bytes.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
        return bytes;
    }

    bool is_untouched() const { return content() == old_; }
    bool holds(std::string const& image) const { return content() == image + old_.substr(image.size()); }
    // A head of zeros; behind it each byte is the old one or the image's.
    bool is_begun(std::string const& image) const {
        auto const now = content();
        if (now.size() != old_.size() || now.substr(0, kHead) != std::string(kHead, '\0')) return false;
        for (auto i = kHead; i < now.size(); ++i)
            if (now[i] != old_[i] && (i >= image.size() || now[i] != image[i])) return false;
        return true;
    }

private:
    std::string old_;
    core::OwnedFd fd_;
};

enum class End { refused_at_head, refused_at_plan, refused_at_data, accepted };

struct MutationWorld : InstallWorld {
    test::Images const wanted = images();
    std::string const good = make_bundle(wanted);
    MemorySlot boot{32 * 1024, 21};
    MemorySlot rootfs{128 * 1024, 22};
    core::Sha256 signed_hash{};   // of the last manifest that was accepted
    core::Sha256 good_hash{};
    std::map<End, int> ends;
    std::vector<std::string> problems;
    std::set<std::uint64_t> accepted_at;

    MutationWorld() {
        targets = {.boot = boot.path(), .rootfs = rootfs.path()};
        http.file = good;
        REQUIRE(install_once() == End::accepted);
        REQUIRE(slots_are(End::accepted));
        good_hash = signed_hash;
    }

    End install_once() {
        http.requests.clear();
        progress.clear();
        checkpoints.clear();
        auto const signed_head = head();
        if (!signed_head) return End::refused_at_head;
        signed_hash = signed_head->manifest_hash;
        auto const verified = plan(*signed_head);
        if (!verified) return End::refused_at_plan;
        return write(*verified) ? End::accepted : End::refused_at_data;
    }

    // Nothing but what `end` says, in the slots too. Leaves the slots with their old content.
    bool slots_are(End end) const {
        if (end == End::accepted) return boot.holds(wanted.boot) && rootfs.holds(wanted.rootfs);
        if (end == End::refused_at_data) return boot.is_begun(wanted.boot) && rootfs.is_begun(wanted.rootfs);
        return boot.is_untouched() && rootfs.is_untouched();
    }

    void change(std::uint64_t where, unsigned char by) {
        http.file[where] = static_cast<char>(http.file[where] ^ by);
        auto const end = install_once();
        http.file[where] = good[where];
        ++ends[end];
        auto const what = "byte " + std::to_string(where) + " changed by " + std::to_string(by);
        if (!slots_are(end)) problems.push_back(what + ": the slots hold what they must not");
        if (end == End::accepted && signed_hash != good_hash)
            problems.push_back(what + ": another manifest is accepted");
        if (end == End::accepted) accepted_at.insert(where);
        boot.refill();
        rootfs.refill();
    }
};

// The bytes of the bundle that the installation of the good one asked for.
std::vector<bool> bytes_read(test::MemoryHttp const& http) {
    std::vector<bool> read(http.file.size());
    for (auto const& request : http.requests) {
        auto const& range = *request.range;
        auto const first =
            range.first.value_or(read.size() - std::min<std::uint64_t>(range.last, read.size()));
        auto const end = range.first ? range.last + 1 : read.size();
        for (auto i = first; i < std::min<std::uint64_t>(end, read.size()); ++i) read[i] = true;
    }
    return read;
}

// Every 16th byte, and each byte of what has a structure of its own: superblock, tables, the used part of the
// tree, the signature with its size; and where stored blocks begin and end.
std::set<std::uint64_t> places(ota::BundlePlan const& plan, std::uint64_t size) {
    std::set<std::uint64_t> chosen;
    auto const add = [&](std::uint64_t begin, std::uint64_t end, std::uint64_t step = 1) {
        for (auto at = begin; at < std::min(end, size); at += step) chosen.insert(at);
    };
    auto const data = plan.head.data_size;
    add(0, size, 16);
    add(0, 128);
    auto const tables = ota::needed_stretches(plan.layout.uses).back().end();
    add(tables - kHead, data, 2);
    add(data, data + 32 * (data / ota::kVerityBlock) + 64);
    add(data + plan.head.tree_size - 64, size);
    for (auto const& use : plan.layout.uses) {
        add(use.offset, use.offset + 2);
        if (use.stored > 0) add(use.offset + use.stored - 1, use.offset + use.stored + 1);
    }
    return chosen;
}

}   // namespace

TEST_CASE_FIXTURE(MutationWorld, "of ten thousand bundles with one byte changed none is accepted") {
    auto const read = bytes_read(http);
    boot.refill();
    rootfs.refill();
    auto const signed_head = head();
    REQUIRE(signed_head);
    auto const verified = plan(*signed_head);
    REQUIRE(verified);
    auto const payload = signed_head->data_size + signed_head->tree_size;

    int tried = 0;
    for (auto const where : places(**verified, good.size())) {
        change(where, static_cast<unsigned char>(1u << where % 8));   // a bit
        ++tried;
        if (where < payload) continue;
        change(where, 0xFF);   // all of them
        ++tried;
    }

    auto const is_unread = [&](std::uint64_t where) { return !read[where]; };
    auto const nobody_reads = std::ranges::count_if(accepted_at, is_unread);
    auto const in_signature =
        std::ranges::count_if(accepted_at, [&](auto where) { return where >= payload; });
    MESSAGE(tried << " changes to a bundle of " << good.size() << " bytes: refused at the head "
                  << ends[End::refused_at_head] << ", at the plan " << ends[End::refused_at_plan]
                  << ", at the data " << ends[End::refused_at_data] << "; harmless " << ends[End::accepted]
                  << ", in " << nobody_reads << " bytes that nobody reads and " << in_signature
                  << " that CMS leaves unsigned");
    for (auto const& problem : problems | std::views::take(20)) MESSAGE(problem);
    CHECK(problems.size() == 0);
    CHECK(tried >= 10'000);
    for (auto const end : {End::refused_at_head, End::refused_at_plan, End::refused_at_data})
        CHECK(ends[end] > 100);
    CHECK(nobody_reads > 0);   // of the file that no device asks for
    // CMS signs the manifest, the attributes and the certificate; not its two version numbers, the names
    // (OID) of the content's type and of the signature's algorithm, nor whether the issuer's name is in upper
    // case (RFC 5652).
    CHECK(in_signature <= 30);
    CHECK(static_cast<std::size_t>(nobody_reads + in_signature) == accepted_at.size());
    CHECK_FALSE(accepted_at.contains(good.size() - 1));   // the signature's size
}
