#pragma once
// The operator's containers as the files that podman's Quadlet makes services of (podman-systemd.unit(5),
// podman 5.4). Pure; who puts them where is health/container_host.hpp's.
//
// A text of the document is Quadlet's line and stays as it is: specifiers (%h), quotes and, where it becomes
// a part of a command, variables (${X}; $$ is one $) are documented features there. A list of Exec is the one
// exception: Quadlet takes only the last Exec=, so the words are joined into one line in which each arrives
// at the container as it was written, % and $ included. ${CONFIG_DIR} and ${FILES_DIR} are this program's and
// are replaced everywhere, by a path in which systemd sees nothing else.
//
// Beyond what is written: the network (host, pasta with a fixed address), Internal=true, NAME.volume where a
// declared volume is called by its bare name, and how a container's service is run
// (docs/decisions/0017-containers.md).

#include "config/containers.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace health {

enum class ContainerOwner { system, app_user };   // rootful, rootless

struct QuadletFile {
    ContainerOwner owner = ContainerOwner::system;
    config::ContainerUnitKind kind = config::ContainerUnitKind::container;
    std::string name;      // "web.container"
    std::string service;   // "web.service", "front-network.service", …
    std::string text;
    std::string container;   // podman's name of a container: "systemd-web", or its ContainerName
    bool operator==(QuadletFile const&) const = default;
};

struct QuadletPaths {
    std::filesystem::path config;   // ${CONFIG_DIR}
    std::filesystem::path files;    // ${FILES_DIR}
};

// In the order of `containers.units`. A volume or a build is its containers' owner's, so it can be there
// twice, the system's first; without a container it is the system's, as networks are.
std::vector<QuadletFile> render_quadlets(config::Containers const& containers, QuadletPaths const& paths);

}   // namespace health
