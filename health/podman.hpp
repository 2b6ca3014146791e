#pragma once
// What podman says of containers and images: its REST API (libpod, which podman 4 and 5 serve below /v4.0.0)
// over its unix socket. One connection a question, at most 5 s from connecting to the last byte, replies up
// to 4 MiB.
//
// Errors of each question, as sentences: not_found (no socket, or no such image), unreachable (nobody
// listens, or the reply ended too early), refused (the socket is not for us, or another user serves it, or
// podman will not do it),
// timed_out, too_large, bad_input (a reply that cannot be read), io (podman failed, in its own words).

#include "core/clock.hpp"
#include "core/result.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace health {

struct PodmanContainer {
    std::string name;     // "systemd-web", as Quadlet calls that of web.container
    std::string state;    // "running", "exited", …
    std::string health;   // "healthy", "unhealthy", "starting"; empty: it has no check
    std::string image;
    std::string image_id;
    unsigned restarts = 0;   // by podman itself; a unit's restart makes a new container
    int exit_code = 0;
    bool operator==(PodmanContainer const&) const = default;
};

struct PodmanImage {
    std::string id;
    std::vector<std::string>
        names;   // "localhost/web:1", "docker.io/library/web@sha256:…"; none: it lost its name
    bool operator==(PodmanImage const&) const = default;
};

// Hex digits, as podman's ids of images are, or the beginning of such. Pure.
bool is_hex_id(std::string_view text);

class Podman {
public:
    // `owner`: whose podman it is to be, by the number of the user.
    Podman(core::Clock& clock, std::filesystem::path socket, unsigned owner);

    // All of them, also those that do not run.
    core::Task<core::Result<std::vector<PodmanContainer>>> containers();
    core::Task<core::Result<std::vector<PodmanImage>>> images();
    // Never by force: one that a container uses stays (refused), and one that has several names (io).
    core::Task<core::Result<void>> remove_image(std::string id);

private:
    core::Task<core::Result<std::string>> ask(std::string verb, std::string target, std::string what_for);

    core::Clock& clock_;
    std::filesystem::path socket_;
    unsigned owner_;
};

}   // namespace health
