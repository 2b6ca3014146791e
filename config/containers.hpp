#pragma once
// `containers` and `activation` of the operator's document: containers as Quadlet units, with the keys of the
// reference's config.toml, and the directives of podman-systemd.unit(5) (podman 5.4) in them.
//
//   containers:
//     container: {NAME: {privileged: BOOL, Unit: {…}, Container: {Image: …, …}, Install: {…}}}
//     network: {NAME: {Network: {…}}}   volume: {NAME: {Volume: {…}}}   build: {NAME: {Build: {…}}}
//   activation: {required: [NAME, …]}
//
// A privileged container is root's, and what it may do is the operator's business; one that is not runs as
// the app user, whose rights bound what its volumes and capabilities can reach. This program keeps for itself
// what decides where a container can be reached and which unit it is. Refused for every container: options of
// PodmanArgs for network, published ports, pod and name (config/podman_args.hpp); Pod, Rootfs, ServiceName; a
// [Service] section. Refused for one that is not privileged as well: GlobalArgs and ContainersConfModule, by
// which podman itself could be told anything. This guards against habits, not against the operator, who may
// write `privileged: true`.
// Networks are always root's and internal: a bridge that leads somewhere makes netavark switch ip_forward on,
// which this device never does, and a macvlan passes the packet filter.
// Two units with one service name are refused, whoever owns them, two containers of one owner that podman
// would call the same, and names that are units of this system.

#include "config/mapping.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace config {

// The order of the document's tables, and of Containers::units.
enum class ContainerUnitKind { container, network, volume, build };

struct QuadletDirective {
    std::string key;
    // As Quadlet is to read them, one line each; in PublishPort of a container that is not privileged with
    // 127.0.0.1. Tokens (${FILES_DIR}) are still in them.
    std::vector<std::string> values;
    bool is_list = false;   // written as a list: of Exec, the words, each of which is to arrive as it is
    bool operator==(QuadletDirective const&) const = default;
};
struct QuadletSection {
    std::string name;   // "Unit", "Container", "Install", "Network", "Volume", "Build"; in this order
    std::vector<QuadletDirective> directives;   // as written
    bool operator==(QuadletSection const&) const = default;
};
struct ContainerUnit {
    ContainerUnitKind kind = ContainerUnitKind::container;
    std::string name;
    bool privileged = false;   // of a container
    std::vector<QuadletSection> sections;
    bool operator==(ContainerUnit const&) const = default;
};
struct Containers {
    std::vector<ContainerUnit> units;    // by kind, then as written
    std::vector<std::string> required;   // activation.required: names of containers
    std::vector<std::string> warnings;   // "atomix.yaml:7:5: containers.…: sentence", in the order of units
    bool operator==(Containers const&) const = default;
};

// Of one directive; empty: it is not written.
std::vector<std::string> values_of(ContainerUnit const& unit, std::string_view section, std::string_view key);

// Its place is the key's. `has_manager`: false where device.yaml says that nobody runs containers; then any
// unit is refused.
Field<Containers> read_containers(Mapping& root, bool has_manager);

// "web.service", "front-network.service", "data-volume.service", "site-build.service": Quadlet's names
std::string service_name(ContainerUnitKind kind, std::string const& name);

// What podman calls a container: its ContainerName, or "systemd-web"
std::string podman_name(ContainerUnit const& container);

// "container", "network", "volume", "build": the table's key, and the ending of the unit's file
char const* name(ContainerUnitKind kind) noexcept;

}   // namespace config
