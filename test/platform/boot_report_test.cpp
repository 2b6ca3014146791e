#include "platform/boot_report.hpp"

#include <doctest/doctest.h>

using platform::boot_report;

TEST_CASE("a boot in which all went well has nothing to report") {
    CHECK(boot_report("rauc.slot=A atomix.env=saved\n", "fresh=yes\n") == platform::BootReport{});
    CHECK(boot_report("", "") == platform::BootReport{});
    CHECK(boot_report("data=lost", "atomix.env=failed") == platform::BootReport{});   // each at its place
}

TEST_CASE("data that is memory, a repaired partition and a loader that cannot count are told") {
    auto const lost = boot_report("rauc.slot=A atomix.env=saved", "fresh=no\ndata=lost\n");
    CHECK(lost.data_is_lost);
    REQUIRE(lost.problems.size() == 1);
    CHECK(lost.problems[0].starts_with("the data partition did not mount: "));

    auto const repaired = boot_report("rauc.slot=A atomix.env=saved", "data=repaired\n");
    CHECK_FALSE(repaired.data_is_lost);
    REQUIRE(repaired.problems.size() == 1);
    CHECK(repaired.problems[0].starts_with("the data partition was damaged and has been repaired"));

    auto const both = boot_report("rauc.slot=B atomix.env=failed", "data=lost\n");
    CHECK(both.data_is_lost);
    REQUIRE(both.problems.size() == 2);
    CHECK(both.problems[1].starts_with("the loader could not store its boot counter"));
}
