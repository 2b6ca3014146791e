#include "health/image_names.hpp"

namespace health {
namespace {

using Kind = config::ContainerUnitKind;

// The directive that names an image.
std::string_view key_of(Kind kind) {
    switch (kind) {
    case Kind::container:
    case Kind::volume:
        return "Image";
    case Kind::build:
        return "ImageTag";
    case Kind::network:
        break;
    }
    return {};
}

// What is built under a name without a registry is localhost's (podman-build(1), --tag).
std::string tag_of_build(std::string const& tag) {
    bool const is_short = tag.find('/') == std::string::npos;
    return is_short ? "localhost/" + tag : tag;
}

void add_of(config::ContainerUnit const& unit, std::vector<std::string>& names) {
    constexpr std::string_view kBuild{".build"};
    for (auto const& section : unit.sections)
        for (auto const& directive : section.directives) {
            if (section.name == "Unit" || section.name == "Install" || directive.key != key_of(unit.kind))
                continue;
            for (auto const& value : directive.values)
                if (!value.ends_with(kBuild))
                    names.push_back(unit.kind == Kind::build ? tag_of_build(value) : value);
        }
}

}   // namespace

std::vector<std::string> named_images(config::Containers const& containers) {
    std::vector<std::string> names;
    for (auto const& unit : containers.units) add_of(unit, names);
    return names;
}

ImageWishes image_wishes(config::InForce const& in_force,
                         core::Result<std::optional<config::OperatorDocument>> const& other,
                         bool slot_is_committed) {
    ImageWishes wishes{.slot_is_committed = slot_is_committed,
                       .in_force = named_images(*in_force.document.containers),
                       .of_other_slot = std::nullopt};
    if (core::is_refused(in_force.state) || !other) return wishes;
    wishes.of_other_slot.emplace();
    if (*other) wishes.of_other_slot = named_images(*(*other)->containers);
    return wishes;
}

}   // namespace health
