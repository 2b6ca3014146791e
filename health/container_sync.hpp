#pragma once
// From the unit files that are there, those that are wanted, and what systemd says of their services: what is
// to be done next. Pure.
//
// A file of ours begins with a line that says so and names its service (`marked`). Any other file is somebody
// else's and is never touched, nor is a unit that is made of another file than ours. A service whose file is
// left over or others than wanted is stopped first and its file touched when it is down, so that what runs is
// always what a file says, whenever this program is killed. What is as wanted is not disturbed.

#include "core/systemd_unit.hpp"
#include "health/quadlet.hpp"

#include <map>
#include <optional>
#include <set>

namespace health {

// A Quadlet file as it lies in a directory: "web.container".
struct UnitFile {
    std::string name;
    std::string text;
    bool operator==(UnitFile const&) const = default;
};

// By the name of the service: "web.service".
using UnitStates = std::map<std::string, core::UnitState>;

// The whole text of a file as it is written.
std::string marked(QuadletFile const& file);
// The service of a file of ours; nothing: it is somebody else's.
std::optional<std::string> service_of_ours(std::string const& text);
// Is it a file that Quadlet makes a unit of, as far as we write such?
bool is_quadlet(std::string const& name);

// Whose states next_steps wants to know: those of `wanted`, and of our files that are there.
std::vector<std::string> services_of(std::vector<QuadletFile> const& wanted,
                                     std::vector<UnitFile> const& there);

struct Steps {
    std::vector<std::string> stop;     // services: their files wait for their end
    std::vector<UnitFile> write;       // then systemd must read its files again, as after `remove`
    std::vector<std::string> remove;   // names of files
    std::vector<std::string> start;    // services that are down, in the order to ask for them
    std::vector<std::string>
        unmade;             // services of which systemd has made no unit, although the file is there
    bool waiting = false;   // for the end of a service
    std::vector<std::string> errors;   // sentences: what must not be done
    bool operator==(Steps const&) const = default;
};

// What becomes of our files that are not wanted, and of what they run.
enum class LeftOver { remove, keep };

// Of one owner's files. `built`: services of builds that are down because they are done (a build's unit does
// not stay active, podman-systemd.unit(5)). Builds are started first, then networks, volumes and containers,
// and nobody's start is waited for: systemd has the order of what depends on each other.
Steps next_steps(std::vector<QuadletFile> const& wanted,
                 std::vector<UnitFile> const& there,
                 UnitStates const& states,
                 std::set<std::string> const& built = {},
                 LeftOver left_over = LeftOver::remove);

}   // namespace health
