#pragma once
// What the sections of one Quadlet unit may say, beyond the form of their directives. config/containers.hpp
// says why.

#include "config/directives.hpp"

#include <set>
#include <string>
#include <vector>

namespace config {

// The names in the document's tables, whether what is below them is good or not.
struct DeclaredUnits {
    std::set<std::string> containers, networks, volumes, builds;
};

// Of [Container]. Changes PublishPort to what is published. A warning is a sentence with its place.
void check_container(Mapping& section,
                     Directives& directives,
                     bool privileged,
                     DeclaredUnits const& declared,
                     std::vector<std::string>& warnings);

// Internal must be true, the driver a bridge.
void check_network(Mapping& section, Directives& directives);
void check_volume(Mapping& section, Directives& directives);
void check_build(Mapping& section, Directives& directives);

// The sources of a Mount= that are units: "data.volume" of "type=volume,source=data.volume,destination=/x".
std::vector<std::string> volumes_of_mount(std::string_view mount);

}   // namespace config
