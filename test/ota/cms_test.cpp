#include "ota/cms.hpp"

#include "support/print_result.hpp"
#include "support/rauc_bundle.hpp"

#include <doctest/doctest.h>

#include <chrono>

using core::Errc;
using namespace std::chrono_literals;

namespace {

std::string const kContent = "[update]\nversion=1\n";

core::WallTime now() {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()) + 1h;
}

core::Result<ota::SignedContent>
verify(std::string const& der, test::Pki const& pki, core::WallTime at = now(), bool is_floor = false) {
    return ota::verify_cms(std::as_bytes(std::span{der}), {.keyring = pki.keyring}, at, is_floor);
}

void check_refused(core::Result<ota::SignedContent> const& got, Errc code, std::string_view says) {
    REQUIRE_FALSE(got);
    CHECK(got.error().is(code));
    CHECK_MESSAGE(got.error().context.find(says) != std::string::npos, got.error().text());
}

}   // namespace

TEST_CASE("content signed by a known key comes back as it was") {
    auto const got = verify(test::cms_of(kContent, test::trusted_pki()), test::trusted_pki());
    REQUIRE(got);
    CHECK(got->text == kContent);
}

TEST_CASE("why a signature is refused can be told from its sentence") {
    auto const& pki = test::trusted_pki();
    auto const good = test::cms_of(kContent, pki);

    SUBCASE("an unknown key") {
        check_refused(verify(good, test::stranger_pki()), Errc::bad_signature,
                      "a key that this device does not know");
    }
    SUBCASE("an expired certificate") {
        check_refused(verify(good, pki, now() + 24h * 3660), Errc::bad_signature,
                      "has expired, judged at 20");
    }
    SUBCASE("a certificate of tomorrow") {
        check_refused(verify(good, pki, now() - 48h), Errc::bad_signature, "is not yet valid, judged at 20");
    }
    SUBCASE("altered content") {
        auto wrong = good;
        wrong[wrong.find("version=1") + 8] = '2';
        check_refused(verify(wrong, pki), Errc::bad_signature, "does not verify");
    }
    SUBCASE("a detached signature, as plain bundles have it") {
        check_refused(verify(test::cms_of(kContent, pki, ""), pki), Errc::refused,
                      "plain bundles are refused");
    }
    SUBCASE("no CMS at all") {
        check_refused(verify("hello", pki), Errc::bad_input, "is not CMS");
    }
    SUBCASE("nothing") {
        check_refused(verify("", pki), Errc::bad_input, "is not CMS");
    }
    SUBCASE("more than the CMS") {
        check_refused(verify(good + "x", pki), Errc::bad_input, "followed by other bytes");
    }
    SUBCASE("an encrypted bundle") {
        test::TemporaryDirectory const at;
        test::write_whole(at / "content", kContent);
        test::must_run(at.path(), "openssl cms -encrypt -binary -outform DER -in content -out made.cms '" +
                                      pki.cert.string() + "'");
        check_refused(verify(test::read_whole(at / "made.cms"), pki), Errc::refused, "encrypted bundles");
    }
}

// A device whose clock nobody vouches for must still take what a certificate of this year has signed.
TEST_CASE("at a floor of the time a certificate may begin later, and must not have ended") {
    auto const& pki = test::trusted_pki();
    auto const good = test::cms_of(kContent, pki);
    CHECK(verify(good, pki, now() - 24h * 3660, true).has_value());
    check_refused(verify(good, pki, now() + 24h * 3660, true), Errc::bad_signature, "has expired");
    check_refused(verify(good, test::stranger_pki(), now() - 48h, true), Errc::bad_signature,
                  "a key that this device does not know");
}

TEST_CASE("no byte of a signature can be changed so that other content is accepted") {
    auto const& pki = test::trusted_pki();
    auto const good = test::cms_of(kContent, pki);
    int accepted = 0;
    for (std::size_t i = 0; i < good.size(); ++i) {
        auto wrong = good;
        wrong[i] = static_cast<char>(wrong[i] ^ 1);
        auto const got = verify(wrong, pki);
        if (!got) continue;
        ++accepted;   // bytes that are not signed, as the unused parameters of an algorithm's name
        CHECK(got->text == kContent);
    }
    CHECK(accepted < 20);
}

TEST_CASE("a keyring that cannot be used is not blamed on the bundle") {
    auto const good = test::cms_of(kContent, test::trusted_pki());
    test::TemporaryDirectory const at;
    auto const der = std::as_bytes(std::span{good});
    auto const missing = ota::verify_cms(der, {.keyring = at / "no.pem"}, now());
    REQUIRE_FALSE(missing);
    CHECK(missing.error().is(Errc::not_found));

    test::write_whole(at / "empty.pem", "\n");
    auto const empty = ota::verify_cms(der, {.keyring = at / "empty.pem"}, now());
    REQUIRE_FALSE(empty);
    CHECK(empty.error().is(Errc::io));
    CHECK(empty.error().context.find("holds no certificate") != std::string::npos);
}
