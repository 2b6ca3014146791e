#include "ota/uboot_reader.hpp"

#include "support/uboot_files.hpp"

#include <fcntl.h>
#include <unistd.h>

using ota::UbootReader;

namespace {

struct Files : test::UbootFiles {
    void describe(std::string const& text) { std::ofstream{config} << text; }
    std::vector<ota::EnvCopy> copies() {
        auto const reader = UbootReader::open(config);
        REQUIRE_MESSAGE(reader.has_value(), (reader ? "" : reader.error().text()));
        auto const read = reader->read();
        REQUIRE_MESSAGE(read.has_value(), (read ? "" : read.error().text()));
        return *read;
    }
    std::string problem() {
        auto const reader = UbootReader::open(config);
        if (!reader) return reader.error().text();
        auto const read = reader->read();
        REQUIRE(!read);
        return read.error().text();
    }
};

}   // namespace

TEST_CASE_FIXTURE(Files, "what fw_setenv has written is read, the newer copy first in use") {
    set("BOOT_ORDER=B A\n");
    auto const read = copies();
    REQUIRE(read.size() == 2);
    CHECK(
        ota::variables_in_use(read) ==
        ota::Variables{{"BOOT_ORDER", "B A"}, {"BOOT_A_LEFT", "3"}, {"BOOT_B_LEFT", "3"}, {"other", "kept"}});
    damage(static_cast<int>(*ota::copy_in_use(read)));
    CHECK(ota::variables_in_use(copies()).at("BOOT_ORDER") == "A B");
}

TEST_CASE_FIXTURE(Files, "copies that begin anywhere in a device are found, also counted from its end") {
    auto const both = "x" + bytes(0) + bytes(1);   // at odd places, the last one at the very end
    std::ofstream{directory / "device", std::ios::binary} << both;
    auto const device = (directory / "device").string();
    auto const want = copies();
    describe(device + " 1 2000\n" + device + " 0x2001 2000\n");
    CHECK(copies() == want);
    describe(device + " -0x4000 2000\n" + device + " -0x2000 2000\n");
    CHECK(copies() == want);
}

TEST_CASE("an environment with one copy is read") {
    test::UbootFiles files{1};
    auto const reader = UbootReader::open(files.config);
    REQUIRE(reader.has_value());
    auto const read = reader->read();
    REQUIRE(read.has_value());
    CHECK(read->size() == 1);
    CHECK(ota::variables_in_use(*read).at("other") == "kept");
}

TEST_CASE_FIXTURE(Files, "a device that is missing, too short or no device is an error that names it") {
    SUBCASE("missing") {
        std::filesystem::remove(path(1));
        CHECK(problem().find(path(1).string()) != std::string::npos);
    }
    SUBCASE("too short") {
        std::filesystem::resize_file(path(1), kSize - 1);
        CHECK(problem().find(path(1).string() + " at 0x0 is cut short") != std::string::npos);
    }
    SUBCASE("empty") {
        std::filesystem::resize_file(path(0), 0);
        CHECK(problem().find(path(0).string() + " at 0x0 is cut short") != std::string::npos);
    }
    SUBCASE("shorter than the distance from its end") {
        describe(path(0).string() + " -0x9000 2000\n");
        CHECK(problem().find(path(0).string() + " at -0x9000 would begin before") != std::string::npos);
    }
    SUBCASE("a directory") {
        describe(directory.path().string() + " 0 2000\n");
        CHECK(problem().find(directory.path().string()) != std::string::npos);
    }
    SUBCASE("without a description") {
        std::filesystem::remove(config);
        CHECK(problem().find("fw_env.config") != std::string::npos);
    }
}

TEST_CASE_FIXTURE(Files, "what an open reader reads is what the device holds at that time") {
    auto const reader = UbootReader::open(config);
    REQUIRE(reader.has_value());
    REQUIRE(reader->read().has_value());
    set("other=changed\n");
    CHECK(ota::variables_in_use(*reader->read()).at("other") == "changed");
}
