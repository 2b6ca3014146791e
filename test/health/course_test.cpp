#include "health/course.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace std::chrono_literals;
using core::Condition;
using core::Reading;
using core::Weight;

namespace {

// One round per letter: '.' all good, 'r' something required fails, 'w' something wanted, 'x' what is
// excused. In capitals: within the grace. The conditions after each, by their first letters.
std::string conditions(std::string const& rounds) {
    health::Course course;
    std::string all;
    for (char const round : rounds) {
        char const kind = static_cast<char>(std::tolower(round));
        Reading const reading{.probe = "dns",
                              .good = kind == '.',
                              .weight = kind == 'w'   ? Weight::wanted
                                        : kind == 'x' ? Weight::excused
                                                      : Weight::required};
        course = next_course(course, {reading}, round != kind);
        all += core::name(course.condition)[0];
    }
    return all;
}

}   // namespace

TEST_CASE("a device is degraded by one strike, failed by two, and good again after two good rounds") {
    CHECK(conditions("..") == "gg");
    CHECK(conditions(".r.") == "gdd");
    CHECK(conditions(".r..") == "gddg");
    CHECK(conditions(".r.r.") == "gdddd");   // never two in a row
    CHECK(conditions(".rr") == "gdf");
    CHECK(conditions(".rr.") == "gdff");
    CHECK(conditions(".rr..") == "gdffg");
    CHECK(conditions(".rr.r.r") == "gdfffff");   // flapping is not recovery
}

TEST_CASE("what is only wanted degrades, however long, and what was excused does nothing") {
    CHECK(conditions(".wwww..") == "gdddddg");
    CHECK(conditions(".rrww..") == "gdffddg");
    CHECK(conditions(".xxx") == "gggg");
}

TEST_CASE("a bad round within the grace is none") {
    CHECK(conditions("RRRR.") == "uuuug");
    CHECK(conditions("RRr") == "uud");
}

TEST_CASE("a reading tells since when it is as it is, and how it failed last") {
    core::TimePoint const start{1h};
    Reading const good{.probe = "dns", .good = true, .detail = "answered"};
    Reading const bad{.probe = "dns", .good = false, .detail = "silent"};
    auto told = health::dated({good}, {}, start);
    CHECK(told[0].since == start);
    CHECK(!told[0].last_failure);
    told = health::dated({good}, told, start + 5s);
    CHECK(told[0].since == start);
    told = health::dated({bad}, told, start + 10s);
    told = health::dated({bad}, told, start + 15s);
    CHECK(told[0].since == start + 10s);
    CHECK(told[0].last_failure == Reading::Failure{"silent", start + 15s});
    told = health::dated({good}, told, start + 20s);
    CHECK(told[0].since == start + 20s);
    CHECK(told[0].last_failure == Reading::Failure{"silent", start + 15s});
}
