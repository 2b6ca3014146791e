#include "core/result.hpp"

#include <doctest/doctest.h>

#include <cerrno>
#include <set>
#include <sstream>

using core::Errc;
using core::Result;

TEST_CASE("an error reads from its innermost cause outwards, its kind last") {
    auto const inner = core::fail(Errc::bad_signature, "sha256 differs");
    auto const outer = core::fail(inner, "verifying 2.1");
    CHECK(outer.text() == "sha256 differs; while verifying 2.1 [bad signature]");
    std::ostringstream printed;
    printed << outer;
    CHECK(printed.str() == outer.text());
}

TEST_CASE("a failed result passes its error on with the words of each level") {
    Result<int> const failed = core::fail(Errc::io, "disk gone");
    Result<std::string> const passed = core::fail(failed, "reading the slot");
    REQUIRE(!passed);
    CHECK(passed.error().is(Errc::io));
    CHECK(passed.error().context == "disk gone; while reading the slot");
}

TEST_CASE("an errno keeps its number and its words") {
    errno = ENOSPC;
    auto const error = core::fail_errno("writing state");
    CHECK(error.code == boost::system::errc::no_space_on_device);
    CHECK(error.text() == "writing state [No space left on device]");
    CHECK_FALSE(error.is(Errc::io));
}

TEST_CASE("every kind of error has words of its own") {
    std::set<std::string> words;
    for (int kind = 1; kind <= static_cast<int>(Errc::too_large); ++kind) {
        auto const message = make_error_code(static_cast<Errc>(kind)).message();
        CAPTURE(kind);
        CHECK(message != "unknown");
        CHECK(words.insert(message).second);
    }
    CHECK(make_error_code(static_cast<Errc>(99)).message() == "unknown");
}

TEST_CASE("an Errc is compared with an error code directly") {
    boost::system::error_code const code = Errc::timed_out;
    CHECK(code == Errc::timed_out);
    CHECK(code != Errc::io);
    CHECK(code.category().name() == std::string{"atomix"});
}
