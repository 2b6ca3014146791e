#include "config/arguments.hpp"

#include "core/files.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <iostream>
#include <sstream>

using namespace config;

namespace {

Arguments parse(std::vector<char const*> words) {
    return parse_arguments(words);
}

// What check_files prints, and its exit code.
std::pair<int, std::string> check(std::vector<std::filesystem::path> files) {
    std::ostringstream out;
    auto* const before = std::cout.rdbuf(out.rdbuf());
    int const status = check_files({std::move(files)});
    std::cout.rdbuf(before);
    return {status, out.str()};
}

}   // namespace

TEST_CASE("the command line says what to do, or what is wrong with it") {
    CHECK(parse({}) == Arguments{RunDaemon{}});
    CHECK(parse({"--config", "/tmp/d.yaml", "--verbose"}) == Arguments{RunDaemon{"/tmp/d.yaml", true}});
    CHECK(parse({"--prepare-lan"}) == Arguments{PrepareLan{}});
    CHECK(parse({"--config", "/tmp/d.yaml", "--prepare-lan"}) == Arguments{PrepareLan{"/tmp/d.yaml"}});
    CHECK(parse({"--check", "a.yaml", "b.yaml"}) == Arguments{CheckFiles{{"a.yaml", "b.yaml"}}});
    CHECK(parse({"--version"}) == Arguments{ShowVersion{}});
    CHECK(parse({"-h"}) == Arguments{ShowHelp{}});
    CHECK(parse({"--config"}) == Arguments{BadUsage{"--config needs a file"}});
    CHECK(parse({"--check"}) == Arguments{BadUsage{"--check needs at least one file"}});
    CHECK(parse({"start"}) == Arguments{BadUsage{"\"start\" is not understood"}});
}

TEST_CASE("checking prints every problem of every file with its place, and says so in the exit code") {
    test::TemporaryDirectory directory;
    auto const good = directory / "good.yaml";
    auto const bad = directory / "atomix.yaml";
    auto const device = directory / "device.yaml";
    REQUIRE(core::replace_file(good, "version: 1\n").has_value());
    REQUIRE(core::replace_file(bad, "version: 2\nnetwrok: {}\n").has_value());
    REQUIRE(core::replace_file(device, "device: {board: toaster}\n").has_value());

    CHECK(check({good}) == std::pair<int, std::string>{0, ""});

    auto const [status, text] = check({good, bad, device, directory / "nowhere.yaml"});
    CHECK(status == 2);
    CHECK(text.find("atomix.yaml:1:10: version: ") != std::string::npos);
    CHECK(text.find("atomix.yaml:2:1: netwrok: ") != std::string::npos);
    CHECK(text.find("device.yaml:1:17: device.board: ") != std::string::npos);
    CHECK(text.find("nowhere.yaml") != std::string::npos);
}

TEST_CASE("checking prints what is no problem and should be known, with its place and without a secret") {
    test::TemporaryDirectory directory;
    auto const file = directory / "atomix.yaml";
    REQUIRE(core::replace_file(
                file, "version: 1\nactivation: {required: [a]}\ncontainers:\n  container:\n"
                      "    a: {privileged: true, Container: {Image: i, Environment: TOKEN=hunter2}}\n")
                .has_value());
    auto const [status, text] = check({file});
    CHECK(status == 0);
    CHECK(text.starts_with(
        "warning: " + file.string() +
        ":5:62: containers.container.a.Container.Environment: \"TOKEN\" looks like a secret"));
    CHECK(text.find("hunter2") == std::string::npos);
}
