#include "core/state_file.hpp"

#include "core/files.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <sys/stat.h>

using core::Errc;
using core::StateFile;

namespace {

struct World {
    test::TemporaryDirectory directory;
    std::filesystem::path path = directory / "ledger.json";
    std::filesystem::path broken = directory / "ledger.json.broken";
    StateFile file{path, 2};
};

}   // namespace

TEST_CASE_FIXTURE(World, "no file is nothing, not an error") {
    auto const got = file.read();
    REQUIRE(got.has_value());
    CHECK(!*got);
}

TEST_CASE_FIXTURE(World, "what was written is read again, readable by root alone") {
    REQUIRE(file.write({{"version", "2.1"}, {"tries", 3}}));
    auto const got = file.read();
    REQUIRE(got.has_value());
    REQUIRE(*got);
    CHECK(core::string_in(**got, "version") == "2.1");
    CHECK(core::integer_in(**got, "tries") == 3);
    CHECK(core::integer_in(**got, "schema") == 2);
    struct stat facts {};
    ::stat(path.c_str(), &facts);
    CHECK((facts.st_mode & 0777) == 0600);
}

TEST_CASE_FIXTURE(World, "what cannot be read is set aside, so that the next write takes nothing away") {
    std::filesystem::create_directory(path);   // root reads every file, and no directory
    auto const got = file.read();
    REQUIRE(!got);
    CHECK(got.error().context.find("set aside as ledger.json.broken") != std::string::npos);
    CHECK(std::filesystem::is_directory(broken));
    CHECK(file.write({{"version", "2.1"}}).has_value());
}

TEST_CASE_FIXTURE(World, "a file cut anywhere is set aside and never guessed at") {
    REQUIRE(file.write({{"version", "2.1"}}));
    auto const whole = *core::read_file(path, 1000);
    auto const end = whole.rfind('}');
    for (std::size_t length = 0; length <= end; ++length) {
        CAPTURE(length);
        REQUIRE(core::replace_file(path, whole.substr(0, length)));
        auto const got = file.read();
        REQUIRE(!got);
        CHECK(got.error().is(Errc::bad_input));
        CHECK(got.error().context.find("set aside as ledger.json.broken") != std::string::npos);
        CHECK(!std::filesystem::exists(path));
        CHECK(*core::read_file(broken, 1000) == whole.substr(0, length));
        auto const again = file.read();
        REQUIRE(again.has_value());
        CHECK(!*again);
    }
}

TEST_CASE_FIXTURE(World, "older schemas are read, newer ones, none and zero are set aside") {
    struct {
        char const* text;
        bool good;
    } const cases[] = {
        {R"({"schema":1,"x":1})", true},
        {R"({"schema":2,"x":1,"unknown":[1,{"y":null}]})", true},
        {R"({"schema":3,"x":1})", false},
        {R"({"schema":0})", false},
        {R"({"x":1})", false},
        {R"({"schema":"2"})", false},
    };
    for (auto const& c : cases) {
        CAPTURE(c.text);
        REQUIRE(core::replace_file(path, c.text));
        auto const got = file.read();
        CHECK(got.has_value() == c.good);
        if (got) CHECK(core::integer_in(**got, "x") == 1);
        CHECK(std::filesystem::exists(path) == c.good);
    }
}

TEST_CASE_FIXTURE(World, "what was read with an older schema is written with this one") {
    REQUIRE(core::replace_file(path, R"({"schema":1,"x":7})"));
    auto const got = file.read();
    REQUIRE(got.has_value());
    REQUIRE(file.write(**got));
    auto const text = *core::read_file(path, 1000);
    CHECK(core::integer_in(*core::parse_json_object(text), "schema") == 2);
    CHECK(core::integer_in(*core::parse_json_object(text), "x") == 7);
}

TEST_CASE_FIXTURE(World, "a file too large to be ours is set aside") {
    REQUIRE(core::replace_file(path, std::string(1024 * 1024 + 1, ' ')));
    auto const got = file.read();
    REQUIRE(!got);
    CHECK(got.error().is(Errc::bad_input));
    CHECK(std::filesystem::exists(broken));
}

TEST_CASE_FIXTURE(World, "a file that cannot be set aside is reported as still there") {
    REQUIRE(core::replace_file(path, "{"));
    std::filesystem::create_directory(broken);
    auto const got = file.read();
    REQUIRE(!got);
    CHECK(got.error().context.find("could not be set aside") != std::string::npos);
    CHECK(std::filesystem::exists(path));
}

TEST_CASE_FIXTURE(World, "removing forgets the state, also when there is none") {
    REQUIRE(file.write({}));
    CHECK(file.remove());
    CHECK(!*file.read());
    CHECK(file.remove());
}
