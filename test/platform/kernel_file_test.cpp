#include "platform/kernel_file.hpp"

#include "core/files.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

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
