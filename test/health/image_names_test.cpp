#include "health/image_names.hpp"

#include <doctest/doctest.h>

using Kind = config::ContainerUnitKind;
using Names = std::vector<std::string>;
using Other = core::Result<std::optional<config::OperatorDocument>>;
using Source = core::ConfigState::Source;

namespace {

config::Containers with_image(char const* image) {
    return {.units = {
                {.kind = Kind::container,
                 .name = "web",
                 .sections = {{.name = "Container", .directives = {{.key = "Image", .values = {image}}}}}}}};
}
config::OperatorDocument document(char const* image) {
    config::OperatorDocument made;
    made.containers.value = with_image(image);
    return made;
}

}   // namespace

TEST_CASE("a document names the images of its containers, builds and volumes, and nothing else") {
    auto containers = with_image("localhost/web:1");
    containers.units.push_back(
        {.kind = Kind::container,
         .name = "site",
         .sections = {{.name = "Unit", .directives = {{.key = "Image", .values = {"no"}}}},
                      {.name = "Container",
                       .directives = {{.key = "Image", .values = {"site.build"}},
                                      {.key = "Exec", .values = {"no"}}}}}});
    containers.units.push_back(
        {.kind = Kind::network,
         .name = "n",
         .sections = {{.name = "Network", .directives = {{.key = "Image", .values = {"no"}}}}}});
    containers.units.push_back(
        {.kind = Kind::volume,
         .name = "v",
         .sections = {{.name = "Volume", .directives = {{.key = "Image", .values = {"localhost/seed:1"}}}}}});
    containers.units.push_back(
        {.kind = Kind::build,
         .name = "site",
         .sections = {{.name = "Build",
                       .directives = {{.key = "ImageTag", .values = {"site:1", "registry.example/site:2"}},
                                      {.key = "File", .values = {"no"}}}}}});
    CHECK(health::named_images(containers) ==
          Names{"localhost/web:1", "localhost/seed:1", "localhost/site:1", "registry.example/site:2"});
}

TEST_CASE(
    "what the other slot would use is known when its document can be read and the operator's is in force") {
    config::InForce in_force{.document = document("web:2"), .state = {.source = Source::operator_document}};
    auto const known = health::image_wishes(in_force, Other{document("web:1")}, true);
    CHECK(known.slot_is_committed);
    CHECK(known.in_force == Names{"web:2"});
    REQUIRE(known.of_other_slot);
    CHECK(*known.of_other_slot == Names{"web:1"});

    auto const never_booted = health::image_wishes(in_force, Other{std::nullopt}, false);
    CHECK_FALSE(never_booted.slot_is_committed);
    REQUIRE(never_booted.of_other_slot);
    CHECK(never_booted.of_other_slot->empty());

    CHECK_FALSE(
        health::image_wishes(in_force, core::fail(core::Errc::bad_input, "refused"), true).of_other_slot);

    in_force.state = {.source = Source::last_accepted, .problems = {"atomix.yaml:1:1: version: must be 1"}};
    CHECK_FALSE(health::image_wishes(in_force, Other{document("web:1")}, true).of_other_slot);

    in_force.state = {.source = Source::built_in};   // there is no operator's document
    CHECK(health::image_wishes(in_force, Other{std::nullopt}, true).of_other_slot);
}
