#include "platform/thermal_zones.hpp"

#include "core/files.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

using core::Temperatures;
using platform::thermal_zones;

namespace {

struct Class {
    test::TemporaryDirectory directory;
    void put(std::string const& file, std::string_view text) {
        REQUIRE(core::replace_file(directory / file, text).has_value());
    }
    void add(std::string const& zone, std::string const& type, std::string const& temperature) {
        put(zone + "/type", type + '\n');
        put(zone + "/temp", temperature + '\n');
    }
    Temperatures told() const { return thermal_zones(directory.path()); }
};

}   // namespace

TEST_CASE_FIXTURE(Class, "every zone is told, in the order of the numbers, and nothing else that is there") {
    add("thermal_zone10", "gpu", "39500");
    add("thermal_zone2", "acpitz", "-5000");
    add("thermal_zone0", "acpitz", "0");
    add("cooling_device0", "Processor", "12000");
    add("another_zone7", "as long a name", "12000");
    add("thermal_zone", "no number", "12000");
    add("thermal_zone1x", "no number", "12000");
    CHECK(told() == Temperatures{{"acpitz", 0, {}}, {"acpitz", -5000, {}}, {"gpu", 39'500, {}}});
}

TEST_CASE_FIXTURE(Class, "a zone that does not say its temperature is not told") {
    CHECK(thermal_zones(directory / "nowhere").empty());
    CHECK(told().empty());
    std::filesystem::create_directories(directory / "thermal_zone0/temp");   // read(2) fails
    put("thermal_zone0/type", "off\n");
    put("thermal_zone1/type", "without one\n");
    add("thermal_zone2", "empty", "");
    add("thermal_zone3", "words", "45454 or so");
    add("thermal_zone4", "too many", "99999999999");
    add("thermal_zone5", "below everything", "-274000");
    add("thermal_zone6", "well", "45454");
    CHECK(told() == Temperatures{{"well", 45'454, {}}});
}

TEST_CASE_FIXTURE(Class, "of the points at which something is done the lowest critical one is told") {
    add("thermal_zone0", "cpu", "45454");
    put("thermal_zone0/trip_point_0_type", "passive\n");
    put("thermal_zone0/trip_point_0_temp", "70000\n");
    CHECK(told() == Temperatures{{"cpu", 45'454, {}}});
    for (auto const& [number, at] :
         {std::pair{"1", "110000"}, {"2", "95000"}, {"3", "99000"}, {"4", "-274000"}}) {
        put(std::string{"thermal_zone0/trip_point_"} + number + "_type", "critical\n");
        put(std::string{"thermal_zone0/trip_point_"} + number + "_temp", std::string{at} + '\n');
    }
    CHECK(told() == Temperatures{{"cpu", 45'454, 95'000}});
}
