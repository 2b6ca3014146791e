// Who may sign, and when: authorities, lists of revoked signers and dates made by `openssl`.

#include "ota/cms.hpp"

#include "core/owned.hpp"
#include "ota/judging_time.hpp"
#include "support/print_result.hpp"
#include "support/rauc_bundle.hpp"

#include <doctest/doctest.h>
#include <openssl/cms.h>
#include <openssl/pem.h>

using core::Errc;

namespace {

std::string const kContent = "[update]\nversion=1\n";

core::WallTime at(char const* text) {
    auto const when = core::parse_wall_time(text);
    REQUIRE_MESSAGE(when, text);
    return *when;
}

// An authority of 2026 … 2036 whose signers are valid from 2026-01-01 until 2031-01-01.
class Authority {
public:
    Authority() {
        test::write_whole(directory_ / "ca.conf", R"([ca]
default_ca = test
[test]
database = index.txt
new_certs_dir = .
serial = serial
crlnumber = crlnumber
certificate = ca.pem
private_key = ca.key
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
)");
        test::write_whole(directory_ / "index.txt", "");
        test::write_whole(directory_ / "serial", "01\n");
        test::write_whole(directory_ / "crlnumber", "01\n");
        run(kRequest + " -subj '/CN=Test CA' -keyout ca.key -out ca.csr && " + kCa +
            " -selfsign -in ca.csr -out ca.pem -startdate 20260101000000Z -enddate 20360101000000Z"
            " -extensions authority");
    }

    // Signs the content with a new key of this common name.
    std::string sign(std::string const& name) {
        run(kRequest + " -subj '/CN=" + name + "' -keyout '" + name + ".key' -out '" + name + ".csr' && " +
            kCa + " -in '" + name + ".csr' -out '" + name +
            ".pem' -startdate 20260101000000Z -enddate 20310101000000Z");
        return test::cms_of(kContent, pki(name));
    }
    test::Pki pki(std::string const& name) const {
        return {
            .keyring = keyring(), .key = directory_ / (name + ".key"), .cert = directory_ / (name + ".pem")};
    }

    void revoke(std::string const& name) { run(kCa + " -revoke '" + name + ".pem'"); }

    // The list of what is revoked by now, valid from `from` until `until` (YYYYMMDD).
    std::filesystem::path list(std::string const& from, std::string const& until) {
        run(kCa + " -gencrl -crl_lastupdate " + from + "000000Z -crl_nextupdate " + until +
            "000000Z -out crl.pem");
        return directory_ / "crl.pem";
    }
    std::filesystem::path keyring() const { return directory_ / "ca.pem"; }
    test::TemporaryDirectory const& directory() const { return directory_; }

private:
    void run(std::string const& command) { test::must_run(directory_.path(), command); }

    static inline std::string const kRequest =
        "openssl req -config ca.conf -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    static inline std::string const kCa = "openssl ca -config ca.conf -batch -notext";
    test::TemporaryDirectory directory_;
};

using Cms = core::Owned<CMS_ContentInfo, CMS_ContentInfo_free>;
using Crl = core::Owned<X509_CRL, X509_CRL_free>;
using Bio = core::Owned<BIO, BIO_free_all>;

// The CMS with a list of revoked signers in it, which its signature does not cover.
std::string with_list(std::string const& der, std::string const& pem) {
    auto const* at = reinterpret_cast<unsigned char const*>(der.data());
    Cms const cms{d2i_CMS_ContentInfo(nullptr, &at, static_cast<long>(der.size()))};
    Bio const text{BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))};
    Crl const crl{PEM_read_bio_X509_CRL(text.get(), nullptr, nullptr, nullptr)};
    REQUIRE(cms);
    REQUIRE(crl);
    REQUIRE(CMS_add1_crl(cms.get(), crl.get()) == 1);
    std::string made(static_cast<std::size_t>(i2d_CMS_ContentInfo(cms.get(), nullptr)), '\0');
    auto* to = reinterpret_cast<unsigned char*>(made.data());
    REQUIRE(i2d_CMS_ContentInfo(cms.get(), &to) > 0);
    return made;
}

core::Result<ota::SignedContent>
verify(std::string const& der, ota::SignerRules const& rules, char const* when = "2026-11-18T00:00:00Z") {
    return ota::verify_cms(std::as_bytes(std::span{der}), rules, at(when));
}

void check_refused(core::Result<ota::SignedContent> const& got, Errc code, std::string_view says) {
    REQUIRE_FALSE(got);
    CHECK(got.error().is(code));
    CHECK_MESSAGE(got.error().context.find(says) != std::string::npos, got.error().text());
}

}   // namespace

TEST_CASE("a revoked signer is refused by every list that names it, however old or young that is") {
    Authority authority;
    auto const lost = authority.sign("Lost key");
    auto const good = authority.sign("Good key");
    CHECK(verify(lost, {.keyring = authority.keyring()}));
    CHECK(verify(lost, {.keyring = authority.keyring(), .crl = authority.list("20260201", "20260301")}));

    authority.revoke("Lost key");
    struct {
        char const* name;
        char const* from;
        char const* until;
    } const lists[] = {{"of these days", "20261101", "20261201"},
                       {"out of date", "20260201", "20260301"},
                       {"of tomorrow, on a device whose clock is at its floor", "20270101", "20270201"}};
    for (auto const& list : lists) {
        CAPTURE(list.name);
        ota::SignerRules const rules{.keyring = authority.keyring(),
                                     .crl = authority.list(list.from, list.until)};
        check_refused(verify(lost, rules), Errc::bad_signature, "the bundle's signer has been revoked");
        auto const got = verify(good, rules);
        REQUIRE(got);
        CHECK((got)->text == kContent);
    }
}

TEST_CASE("a revoked signer cannot help itself with a list from better days inside the bundle") {
    Authority authority;
    auto const lost = authority.sign("Lost key");
    auto const before = test::read_whole(authority.list("20260201", "20360101"));
    authority.revoke("Lost key");
    for (auto const* until : {"20260501", "20351231"}) {
        CAPTURE(until);
        ota::SignerRules const rules{.keyring = authority.keyring(),
                                     .crl = authority.list("20260401", until)};
        check_refused(verify(with_list(lost, before), rules), Errc::bad_signature,
                      "the bundle's signer has been revoked");
    }
    CHECK(verify(with_list(lost, before), {.keyring = authority.keyring()}));   // it is a sound CMS
}

TEST_CASE("a list of revoked signers changes nothing about the other rules") {
    Authority authority;
    Authority stranger;
    auto const good = authority.sign("Good key");
    ota::SignerRules const rules{.keyring = authority.keyring(),
                                 .crl = authority.list("20260201", "20260301")};
    check_refused(verify(good, rules, "2031-06-01T00:00:00Z"), Errc::bad_signature, "has expired");
    check_refused(verify(good, rules, "2025-06-01T00:00:00Z"), Errc::bad_signature, "is not yet valid");
    // an authority of the same name that this device does not know
    check_refused(verify(stranger.sign("Good key"), rules), Errc::bad_signature,
                  "a key that this device does not know");
    auto altered = good;
    altered[altered.find("version=1") + 8] = '2';
    check_refused(verify(altered, rules), Errc::bad_signature, "does not verify");
}

TEST_CASE("a list of revoked signers that is not the authority's own, or no list, refuses with its reason") {
    Authority authority;
    Authority stranger;
    auto const good = authority.sign("Good key");
    auto const with = [&](std::filesystem::path const& crl) {
        return verify(good, {.keyring = authority.keyring(), .crl = crl});
    };
    check_refused(with(stranger.list("20260201", "20360301")), Errc::bad_signature,
                  "list of revoked signers does not serve for the bundle's signer");
    check_refused(with(authority.directory() / "nowhere.pem"), Errc::not_found, "list of revoked signers");
    check_refused(with(authority.keyring()), Errc::io, "holds no CRL");

    auto const whole = test::read_whole(authority.list("20260201", "20360301"));
    test::write_whole(authority.directory() / "cut.pem", whole + whole.substr(0, whole.size() / 2));
    check_refused(with(authority.directory() / "cut.pem"), Errc::io, "cannot be used");
}

TEST_CASE("with names of signers, one of the keyring's signers must have one of them") {
    Authority authority;
    auto const release = authority.sign("Release");
    auto const site = authority.sign("Site\x07key");
    auto const rules = [&](std::vector<std::string> names) {
        return ota::SignerRules{.keyring = authority.keyring(), .names = std::move(names)};
    };
    CHECK(verify(release, rules({"Release"})));
    CHECK(verify(release, rules({"Other", "Release"})));
    check_refused(verify(release, rules({"Releas"})), Errc::bad_signature,
                  "the bundle is signed by \"Release\", who may not sign bundles for this device");
    check_refused(verify(release, rules({"release"})), Errc::bad_signature, "signed by \"Release\"");
    check_refused(verify(site, rules({"Release"})), Errc::bad_signature, "signed by \"Site?key\"");

    // a name is worth nothing without the keyring
    Authority stranger;
    check_refused(verify(stranger.sign("Release"), rules({"Release"})), Errc::bad_signature,
                  "a key that this device does not know");

    // both have signed
    test::write_whole(authority.directory() / "content", kContent);
    auto const site_pki = authority.pki("Site\x07key");
    auto const both = test::cms_of(kContent, authority.pki("Release"),
                                   "-nodetach -signer '" + site_pki.cert.string() + "' -inkey '" +
                                       site_pki.key.string() + "'");
    CHECK(verify(both, rules({"Release"})));
    check_refused(verify(both, rules({"Other"})), Errc::bad_signature, "\"Release\"");
}

TEST_CASE("a certificate carried along lends its name to nobody") {
    Authority authority;
    auto const site = authority.sign("Site");
    authority.sign("Release");
    auto const der = test::cms_of(kContent, authority.pki("Site"),
                                  "-nodetach -certfile '" + authority.pki("Release").cert.string() + "'");
    check_refused(verify(der, {.keyring = authority.keyring(), .names = {"Release"}}), Errc::bad_signature,
                  "signed by \"Site\"");
}

TEST_CASE(
    "on clocks of 1970 and 2036 a bundle is judged at the floor, or refused with the time it was judged at") {
    Authority authority;
    auto const good = authority.sign("Release");
    ota::SignerRules const rules{.keyring = authority.keyring()};
    auto const floor = at("2026-11-01T00:00:00Z");
    auto const judged = [&](char const* wall, bool synchronised) {
        auto const time = ota::judging_time(at(wall), synchronised, floor);
        return ota::verify_cms(std::as_bytes(std::span{good}), rules, time.at, !time.is_wall_clock);
    };
    CHECK(judged("1970-01-01T00:01:00Z", false));
    CHECK(judged("1970-01-01T00:01:00Z", true));    // below the floor nobody believes chrony
    CHECK(judged("2036-02-07T06:28:16Z", false));   // where NTP's era ends
    CHECK(judged("2030-12-31T00:00:00Z", true));
    CHECK(judged("2030-12-31T00:00:00Z", true)->signers_valid_until == at("2031-01-01T00:00:00Z"));
    check_refused(judged("2036-02-07T06:28:16Z", true), Errc::bad_signature,
                  "has expired, judged at 2036-02-07T06:28:16Z");
    check_refused(verify(good, rules, "1970-01-01T00:01:00Z"), Errc::bad_signature,
                  "is not yet valid, judged at 1970-01-01T00:01:00Z");
}
