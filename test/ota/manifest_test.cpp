#include "ota/manifest.hpp"

#include "support/print_result.hpp"

#include <doctest/doctest.h>

using core::Errc;

namespace {

std::string const kHash(64, 'a');

std::string const kGood = R"(# made by a test
[update]
compatible=test-box
version=2.1-rc_3

[bundle]
format=verity
verity-hash=)" + kHash + R"(
verity-salt=)" + kHash + R"(
verity-size=8192

[image.boot]
filename=boot.vfat
sha256=)" + kHash + R"(
size=4097

[image.rootfs]
filename=rootfs.img
sha256=)" + kHash + R"(
size=1
)";

std::string without(std::string text, std::string_view part) {
    return text.erase(text.find(part), part.size());
}
std::string instead(std::string text, std::string_view part, std::string_view other) {
    return text.replace(text.find(part), part.size(), other);
}

}   // namespace

TEST_CASE("a manifest as rauc writes it is understood") {
    auto const got = ota::parse_manifest(kGood);
    REQUIRE(got);
    CHECK(got->compatible == "test-box");
    CHECK(got->version == "2.1-rc_3");
    CHECK(got->verity_size == 8192);
    CHECK(got->boot.filename == "boot.vfat");
    CHECK(got->boot.size == 4097);
    CHECK(core::to_hex(got->rootfs.sha256) == kHash);
    CHECK(got->release == ota::Release{});
}

TEST_CASE("a manifest may hold what GKeyFile allows and what means nothing to this device") {
    struct {
        char const* name;
        std::string text;
    } const cases[] = {
        {"spaces around names and before values",
         instead(kGood, "version=2.1-rc_3", "  version =   2.1-rc_3")},
        {"lines that end in CR LF", instead(kGood, "version=2.1-rc_3\n", "version=2.1-rc_3\r\n")},
        {"no newline at the end", kGood.substr(0, kGood.size() - 1)},
        {"a header followed by a space", instead(kGood, "[update]", "[update] ")},
        {"a description and a build",
         instead(kGood, "[update]", "[update]\ndescription=The = best\nbuild=7")},
        {"type raw", instead(kGood, "size=4097", "size=4097\ntype=raw")},
        {"a hint for delta downloads", instead(kGood, "size=4097", "size=4097\nadaptive=block-hash-index")},
        {"other meta data", kGood + "[meta.other]\nanything=goes\n[rollout]\nrate=3\n"},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        auto const got = ota::parse_manifest(c.text);
        REQUIRE(got);
        CHECK(got->version == "2.1-rc_3");
        CHECK(got->rootfs.size == 1);
    }
}

TEST_CASE("the manifest's release is taken from the meta data for this device, with its escapes resolved") {
    auto const got = ota::parse_manifest(
        kGood + "[meta.atomix]\nissued=2026-11-18T00:00:00Z\nindex=7\nwaves=0h:50\\s1d:100\nnote=x\n");
    REQUIRE(got);
    CHECK(got->release.index == 7);
    CHECK(got->release.issued == core::parse_wall_time("2026-11-18T00:00:00Z"));
    CHECK(got->release.waves.size() == 2);
}

TEST_CASE("a manifest that this device cannot follow is refused with the place and the reason") {
    struct {
        char const* name;
        std::string text;
        Errc code;
        char const* says;
    } const cases[] = {
        {"empty", "", Errc::bad_input, "[update] is missing"},
        {"no compatible", without(kGood, "compatible=test-box\n"), Errc::bad_input,
         "[update] compatible is missing"},
        {"no version", without(kGood, "version=2.1-rc_3\n"), Errc::bad_input, "[update] version is missing"},
        {"a version with a space", instead(kGood, "2.1-rc_3", "2.1 3"), Errc::bad_input, "[update] version"},
        {"a version with a space at its end", instead(kGood, "2.1-rc_3", "2.1 "), Errc::bad_input,
         "[update] version"},
        {"an unknown key", instead(kGood, "[update]", "[update]\ncolour=red"), Errc::bad_input,
         "[update] colour is not known"},
        {"an unknown group", kGood + "[extra]\nkey=1\n", Errc::bad_input,
         "[extra] with key key is not known"},
        {"a key twice", instead(kGood, "size=1\n", "size=1\nsize=2\n"), Errc::bad_input,
         "[image.rootfs] size occurs twice"},
        {"a group twice", kGood + "[update]\n", Errc::bad_input, "[update] occurs twice"},
        {"a translated key", instead(kGood, "version=", "version[de]="), Errc::bad_input, "version"},
        {"a key before the first group", "key=1\n" + kGood, Errc::bad_input, "line 1: a key before"},
        {"a line of nothing", instead(kGood, "[bundle]", "what\n[bundle]"), Errc::bad_input,
         "line 6: a line that is no"},
        {"an open header", instead(kGood, "[bundle]", "[bundle"), Errc::bad_input, "header"},
        {"an unknown escape", instead(kGood, "test-box", "test\\x"), Errc::bad_input, "unknown escape"},
        {"a zero byte", kGood + std::string(1, '\0'), Errc::bad_input, "zero byte"},
        {"too long", kGood + std::string(65'536, '#'), Errc::bad_input, "64 KiB"},
        {"format plain", instead(kGood, "format=verity", "format=plain"), Errc::refused,
         "plain bundles are refused"},
        {"no format", without(kGood, "format=verity\n"), Errc::refused, "plain bundles are refused"},
        {"format crypt", instead(kGood, "format=verity", "format=crypt"), Errc::refused, "encrypted"},
        {"another format", instead(kGood, "format=verity", "format=zip"), Errc::bad_input, "[bundle] format"},
        {"a short root hash", instead(kGood, "verity-hash=a", "verity-hash="), Errc::bad_input,
         "[bundle] verity-hash"},
        {"a salt of other letters", instead(kGood, "verity-salt=a", "verity-salt=g"), Errc::bad_input,
         "verity-salt"},
        {"a tree of half a block", instead(kGood, "8192", "2048"), Errc::bad_input, "multiple of 4096"},
        {"a negative size", instead(kGood, "4097", "-4097"), Errc::bad_input, "[image.boot] size"},
        {"a size with a unit", instead(kGood, "4097", "4097k"), Errc::bad_input, "[image.boot] size"},
        {"a size beyond 64 bits", instead(kGood, "4097", "99999999999999999999"), Errc::bad_input,
         "[image.boot] size"},
        {"an empty image", instead(kGood, "4097", "0"), Errc::bad_input, "[image.boot] size"},
        {"a path as a filename", instead(kGood, "boot.vfat", "a/b"), Errc::bad_input,
         "[image.boot] filename"},
        {"no rootfs", kGood.substr(0, kGood.find("[image.rootfs]")), Errc::bad_input,
         "[image.rootfs] is missing"},
        {"a third image", kGood + "[image.data]\nfilename=x\n", Errc::refused, "[image.data]"},
        {"a variant", kGood + "[image.boot.big]\nfilename=x\n", Errc::refused, "[image.boot.big]"},
        {"hooks of an image", instead(kGood, "size=1\n", "size=1\nhooks=install\n"), Errc::refused,
         "[image.rootfs] hooks"},
        {"a converted image", instead(kGood, "size=1\n", "size=1\nconvert=tar\n"), Errc::refused,
         "[image.rootfs] convert"},
        {"an image of files", instead(kGood, "size=1\n", "size=1\ntype=archive\n"), Errc::refused,
         "type raw"},
        {"a handler", kGood + "[handler]\nfilename=x\n", Errc::refused, "[handler]"},
        {"an index that is none", kGood + "[meta.atomix]\nindex=-1\n", Errc::bad_input,
         "manifest: [meta.atomix] index must be"},
        {"hooks", kGood + "[hooks]\nfilename=x\n", Errc::refused, "[hooks]"},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        auto const got = ota::parse_manifest(c.text);
        REQUIRE_FALSE(got);
        CHECK(got.error().is(c.code));
        CHECK_MESSAGE(got.error().context.find(c.says) != std::string::npos, got.error().text());
    }
}
