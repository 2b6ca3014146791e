#include "platform/kernel_file.hpp"

#include "core/files.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

TEST_CASE("a fact of the kernel's is one line, and none where it cannot be read") {
    test::TemporaryDirectory const directory;
    CHECK(platform::line_of_kernel_file(directory / "absent") == "");
    CHECK(platform::line_of_kernel_file(directory.path()) == "");   // read(2) fails
    for (auto const* text : {"45454\n", "45454", "45454\n45455\n"}) {
        REQUIRE(core::replace_file(directory / "file", text).has_value());
        CHECK(platform::line_of_kernel_file(directory / "file") == "45454");
    }
}

TEST_CASE("a file of the kernel is written to, and never made") {
    test::TemporaryDirectory const directory;
    auto const file = directory / "brightness";
    auto const missing = platform::write_kernel_file(file, "1");
    REQUIRE(!missing);
    CHECK(missing.error().context == "opening " + file.string());
    CHECK_FALSE(std::filesystem::exists(file));

    REQUIRE(core::replace_file(file, "").has_value());
    CHECK(platform::write_kernel_file(file, "1").has_value());
    CHECK(*core::read_file(file, 10) == "1");
    CHECK(!platform::write_kernel_file("/dev/full", "1"));
}
