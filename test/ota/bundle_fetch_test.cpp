#include "ota/bundle_plan.hpp"
#include "support/install_world.hpp"
#include "support/print_result.hpp"

#include <doctest/doctest.h>

using core::Errc;
using test::InstallWorld;

namespace {

std::string const kZstd = "-comp zstd -Xcompression-level 3";

template <class T> void check_refused(core::Result<T> const& got, Errc code, std::string_view says) {
    REQUIRE_FALSE(got);
    CHECK_MESSAGE(got.error().is(code), got.error().text());
    CHECK_MESSAGE(got.error().context.find(says) != std::string::npos, got.error().text());
}

// The end of a bundle of any size, without the rest of it.
struct EndOfLarger final : core::HttpClient {
    test::MemoryHttp& end;
    std::uint64_t total = 0;
    explicit EndOfLarger(test::MemoryHttp& http) : end{http} {}

    struct Stream final : core::HttpStream {
        std::unique_ptr<core::HttpStream> beyond;
        core::HttpHead reply;
        core::HttpHead const& head() const override { return reply; }
        core::Task<core::Result<std::size_t>> read(std::span<std::byte> into) override {
            return beyond->read(into);
        }
    };
    core::Task<core::Result<std::unique_ptr<core::HttpStream>>> open(core::HttpRequest request) override {
        auto opened = co_await end.open(std::move(request));
        if (!opened) co_return opened;
        auto stream = std::make_unique<Stream>();
        stream->beyond = std::move(*opened);
        stream->reply = stream->beyond->head();
        auto& range = *stream->reply.content_range;
        range.first += total - range.total;
        range.last += total - range.total;
        range.total = total;
        co_return stream;
    }
};

}   // namespace

TEST_CASE_FIXTURE(InstallWorld, "one request for the bundle's end gives the signed manifest") {
    http.file = test::rauc_bundle(test::odd_images(), kZstd);
    auto const got = head();
    REQUIRE(got);
    CHECK(got->manifest.compatible == "test-box");
    CHECK(got->manifest.version == "2.1");
    CHECK(got->manifest.boot.size == test::odd_images().boot.size());
    CHECK(got->manifest.boot.sha256 == core::sha256(test::odd_images().boot));
    CHECK(got->total_size == http.file.size());
    CHECK(got->tree_size == got->manifest.verity_size);
    CHECK(got->etag == "\"1\"");
    auto const text_at = http.file.find("[update]", got->data_size + got->tree_size);
    auto const text_end = http.file.find("\n", http.file.find("verity-size=", text_at)) + 1;
    REQUIRE(text_end > text_at);
    CHECK(http.file.find(core::to_hex(got->manifest.boot.sha256), text_at) != std::string::npos);

    REQUIRE(http.requests.size() == 1);
    CHECK(http.requests[0].url == source.url);
    CHECK(http.requests[0].headers == source.headers);
    CHECK(http.requests[0].judge_at == source.judge_at);
    CHECK_FALSE(http.requests[0].range->first);
    CHECK(http.requests[0].range->last == 65'536);
}

TEST_CASE_FIXTURE(InstallWorld, "the manifest hash is that of the signed bytes") {
    auto const squashfs = test::squashfs_of(test::small_images(), "");
    core::Sha256 const salt{};
    auto const tree = test::make_tree(squashfs, salt);
    auto const text = test::manifest_for(test::small_images()) +
                      "[bundle]\nformat=verity\nverity-hash=" + core::to_hex(tree.root) +
                      "\nverity-salt=" + core::to_hex(salt) +
                      "\nverity-size=" + std::to_string(tree.bytes.size()) +
                      "\n[meta.atomix]\nissued=2026-11-18T00:00:00Z\n";
    http.file = test::with_signature(squashfs + tree.bytes, text);
    auto const got = head();
    REQUIRE(got);
    CHECK(got->manifest_hash == core::sha256(text));
    CHECK(got->manifest.release.issued == core::parse_wall_time("2026-11-18T00:00:00Z"));
}

TEST_CASE_FIXTURE(InstallWorld,
                  "the plan needs three small requests, and one more when the tables are long") {
    http.file = test::rauc_bundle(test::odd_images(), kZstd);
    auto const signed_head = head();
    REQUIRE(signed_head);
    auto const got = plan(*signed_head);
    REQUIRE(got);
    CHECK(http.requests.size() == 4);

    // tables that begin more than 64 KiB before the squashfs' end: 100 MB in blocks of 4 KiB have 24,415
    // sizes
    test::Images const large{.boot = test::noise(4096, 1), .rootfs = std::string(100'000'000, '\0')};
    http.file = test::own_bundle(test::squashfs_of(large, "-noD -noI -b 4K"), test::manifest_for(large));
    http.requests.clear();
    auto const large_head = head();
    REQUIRE(large_head);
    auto const long_tables = plan(*large_head);
    REQUIRE(long_tables);
    CHECK(http.requests.size() == 5);
    CHECK((*long_tables)->layout.uses.size() > 24'000);
}

TEST_CASE_FIXTURE(
    InstallWorld,
    "a server that cannot give ranges, or does not have the bundle, is told from a bad bundle") {
    http.file = test::rauc_bundle(test::small_images(), kZstd);
    SUBCASE("no ranges") {
        http.has_ranges = false;
        check_refused(head(), Errc::refused, "the server does not support ranges");
    }
    SUBCASE("not found") {
        http.status = 404;
        check_refused(head(), Errc::not_found, "HTTP 404");
    }
    SUBCASE("forbidden") {
        http.status = 403;
        check_refused(head(), Errc::refused, "HTTP 403");
    }
    SUBCASE("overloaded") {
        http.status = 503;
        check_refused(head(), Errc::unreachable, "HTTP 503");
    }
    SUBCASE("an empty file") {
        http.file.clear();
        check_refused(head(), Errc::bad_input, "HTTP 416");
    }
    SUBCASE("a connection that ends early") {
        http.drop_after = 20'000;
        check_refused(head(), Errc::unreachable, "connection lost after 20000 of 65536 bytes");
    }
    CHECK(is_untouched());
}

TEST_CASE_FIXTURE(InstallWorld,
                  "a bundle over 8 GiB is refused whoever signed it, one of 8 GiB is looked at") {
    constexpr std::uint64_t kLargest = 8ull << 30;
    http.file = test::rauc_bundle(test::small_images(), kZstd, test::stranger_pki());
    EndOfLarger larger{http};
    auto const head_of = [&](std::uint64_t total) {
        larger.total = total;
        return test::run_task(io, ota::fetch_head(larger, source, {.keyring = test::trusted_pki().keyring}));
    };
    auto const over_whole_blocks =
        http.file.size() % 4096;   // the size of what is signed stays one of blocks
    check_refused(head_of(kLargest + 1), Errc::too_large, "the bundle is larger than 8 GiB");
    check_refused(head_of(kLargest + over_whole_blocks), Errc::too_large, "the bundle is larger than 8 GiB");
    check_refused(head_of(kLargest - 4096 + over_whole_blocks), Errc::bad_signature, "");
    CHECK(http.requests.size() == 3);
}

TEST_CASE_FIXTURE(InstallWorld, "a bundle cut off anywhere is refused before anything is written") {
    auto const whole = test::rauc_bundle(test::small_images(), kZstd);
    http.file = whole;
    auto const signed_head = head();
    REQUIRE(signed_head);
    auto const data = signed_head->data_size;
    auto const payload = data + signed_head->tree_size;
    for (std::uint64_t const size : {std::uint64_t{1}, std::uint64_t{8}, std::uint64_t{9},
                                     std::uint64_t{4096}, data / 2, data, data + 100, payload, payload + 8,
                                     whole.size() - 9, whole.size() - 8, std::uint64_t{whole.size()} - 1}) {
        CAPTURE(size);
        http.file = whole.substr(0, size);
        auto const got = head();
        REQUIRE_FALSE(got);
        CHECK(got.error().is(Errc::bad_input));
    }
    http.file = whole + "x";
    check_refused(head(), Errc::bad_input, "its signature size is");
    http.file = whole.substr(4096);   // the front is missing: the tail is good
    check_refused(install(), Errc::bad_signature, "does not match the signed");
    http.file = whole.substr(129 * 4096);   // and more than one block of hashes is for
    check_refused(head(), Errc::bad_input, "verity-size does not fit");
    CHECK(is_untouched());
}

TEST_CASE_FIXTURE(InstallWorld, "a signature of another size than its bytes is refused") {
    auto const whole = test::rauc_bundle(test::small_images(), kZstd);
    for (std::uint64_t const size : {0ull, 1ull, 65'528ull, 65'529ull, ~0ull}) {
        CAPTURE(size);
        http.file = whole.substr(0, whole.size() - 8);
        for (int shift = 56; shift >= 0; shift -= 8) http.file += static_cast<char>(size >> shift);
        auto const got = head();
        REQUIRE_FALSE(got);
        CHECK(got.error().is(Errc::bad_input));
    }
}

TEST_CASE_FIXTURE(InstallWorld, "who may not sign, or not any more, cannot offer a bundle") {
    SUBCASE("a stranger") {
        http.file = test::rauc_bundle(test::small_images(), kZstd, test::stranger_pki());
        check_refused(head(), Errc::bad_signature, "a key that this device does not know");
    }
    SUBCASE("a certificate that has expired at the time that certificates are judged at") {
        http.file = test::rauc_bundle(test::small_images(), kZstd);
        source.judge_at += std::chrono::days{3660};
        check_refused(head(), Errc::bad_signature, "has expired");
    }
    SUBCASE("a device that lives in the past") {
        http.file = test::rauc_bundle(test::small_images(), kZstd);
        source.judge_at = core::WallTime{};
        check_refused(head(), Errc::bad_signature, "is not yet valid");
    }
    SUBCASE("a bundle that says it was issued when its signer's certificate had ended") {
        auto const text =
            test::manifest_for(test::small_images()) + "[meta.atomix]\nissued=2099-01-01T00:00:00Z\n";
        http.file = test::own_bundle(test::squashfs_of(test::small_images(), ""), text);
        check_refused(head(), Errc::bad_input,
                      "issued at 2099-01-01T00:00:00Z, after the certificate of its signer");
    }
    SUBCASE("a plain bundle") {
        http.file =
            test::with_signature(test::squashfs_of(test::small_images(), ""), "x", test::trusted_pki(), "");
        check_refused(head(), Errc::refused, "plain bundles are refused");
    }
    SUBCASE("a signed manifest with an unknown key") {
        auto const text = test::manifest_for(test::small_images()) + "frobnicate=yes\n";
        http.file = test::own_bundle(test::squashfs_of(test::small_images(), ""), text);
        check_refused(head(), Errc::bad_input, "[image.rootfs] frobnicate is not known");
    }
    CHECK(http.requests.size() == 1);
}

TEST_CASE_FIXTURE(InstallWorld,
                  "a reply with another range than was asked for is refused, and nothing is written") {
    http.file = test::rauc_bundle(test::small_images(), kZstd);
    SUBCASE("for the signature") {
        http.range_off_by = 1;
        http.claimed_total = http.file.size() + 10;
        check_refused(head(), Errc::bad_input, "another range than the bundle's end");
    }
    SUBCASE("for the tables") {
        auto const signed_head = head();
        REQUIRE(signed_head);
        http.range_off_by = 4096;
        check_refused(plan(*signed_head), Errc::bad_input, "another range than asked for");
    }
    SUBCASE("for the data") {
        auto const signed_head = head();
        REQUIRE(signed_head);
        auto const planned = plan(*signed_head);
        REQUIRE(planned);
        http.range_off_by = 4096;
        check_refused(write(*planned), Errc::bad_input, "another range than asked for");
    }
    SUBCASE("for a bundle of more than 8 GiB") {
        std::uint64_t const total = (8ull << 30) + 1;
        http.range_off_by = total - http.file.size();
        http.claimed_total = total;
        check_refused(head(), Errc::too_large, "larger than 8 GiB");
    }
    CHECK(is_untouched());
}

TEST_CASE_FIXTURE(InstallWorld, "a bundle that changes between two requests is refused") {
    http.file = test::rauc_bundle(test::small_images(), kZstd);
    auto const signed_head = head();
    REQUIRE(signed_head);
    SUBCASE("another ETag") {
        http.etag = "\"2\"";
    }
    SUBCASE("no ETag any more") {
        http.etag.clear();
    }
    SUBCASE("another size") {
        http.file += std::string(4096, 'x');
    }
    SUBCASE("another ETag, and the file sent whole") {
        http.etag = "\"2\"";
        http.has_ranges = false;
    }
    check_refused(plan(*signed_head), Errc::changed, "the bundle changed on the server");
}

TEST_CASE_FIXTURE(InstallWorld, "the stream is of the bundle that was planned for") {
    http.file = test::rauc_bundle(test::small_images(), kZstd);
    auto const signed_head = head();
    REQUIRE(signed_head);
    auto const verified = plan(*signed_head);
    REQUIRE(verified);
    http.etag = "\"2\"";
    check_refused(write(*verified), Errc::changed, "the bundle changed on the server");
    CHECK(is_untouched());
}
