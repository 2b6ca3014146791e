#include "health/unit_files.hpp"

#include "core/files.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <sys/stat.h>
#include <unistd.h>

using health::read_unit_files;
using health::touch_unit_files;
using health::UnitFile;

namespace {

unsigned mode(std::filesystem::path const& path) {
    struct stat is {};
    REQUIRE(::stat(path.c_str(), &is) == 0);
    return is.st_mode & 07777;
}

}   // namespace

TEST_CASE("unit files are written, replaced, removed and read, and others stay") {
    test::TemporaryDirectory directory;
    auto const units = directory / "a" / "units";
    CHECK(read_unit_files(units)->empty());
    REQUIRE(
        touch_unit_files(units, {}, {.write = {{"web.container", "1"}, {"db.container", "2"}}}).has_value());
    REQUIRE(core::replace_file(units / "other.conf", "x").has_value());
    CHECK(*read_unit_files(units) == std::vector<UnitFile>{{"db.container", "2"}, {"web.container", "1"}});
    REQUIRE(touch_unit_files(units, {}, {.write = {{"web.container", "3"}}, .remove = {"db.container"}})
                .has_value());
    CHECK(*read_unit_files(units) == std::vector<UnitFile>{{"web.container", "3"}});
    CHECK(std::filesystem::exists(units / "other.conf"));
}

TEST_CASE("secrets in a unit file are for its owner and, below its directory, for its group") {
    test::TemporaryDirectory directory;
    health::Steps const steps{.write = {{"web.container", "1"}}};
    REQUIRE(touch_unit_files(directory / "root", {}, steps).has_value());
    CHECK(mode(directory / "root" / "web.container") == 0600);
    auto const group = ::getegid() == 0 ? 4711 : ::getegid();
    REQUIRE(touch_unit_files(directory / "user", {.group = group}, steps).has_value());
    CHECK(mode(directory / "user") == 0750);
    CHECK(mode(directory / "user" / "web.container") == 0644);
    struct stat is {};
    REQUIRE(::stat((directory / "user").c_str(), &is) == 0);
    CHECK(is.st_gid == group);
}

TEST_CASE("a directory of unit files that cannot be is told") {
    test::TemporaryDirectory directory;
    REQUIRE(core::replace_file(directory / "file", "").has_value());
    CHECK(!read_unit_files(directory / "file").has_value());
    CHECK(
        !touch_unit_files(directory / "file" / "units", {}, {.write = {{"web.container", "1"}}}).has_value());
}
