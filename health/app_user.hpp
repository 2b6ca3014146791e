#pragma once
// The user whose containers are rootless, and where containers' images and volumes are on <data>.
//
//   <data>/containers/storage        root's: podman's own (storage.conf, graphroot)
//   <data>/containers/users/<uid>    the app user's (rootless_storage_path), its own
//   the app user's home, where that is below <data>
//
// Its numbers must stay the same from image to image: what is on <data> belongs to them (deploy/containers).

#include "core/result.hpp"

#include <filesystem>
#include <string>

namespace health {

using core::Result;

struct AppUser {
    std::string name;
    unsigned uid = 0;
    unsigned gid = 0;
    std::filesystem::path home;
    bool operator==(AppUser const&) const = default;
};

// Where logind's units make each user's directory for its own manager and sockets.
inline constexpr char const* kUserRuntime = "/run/user";
// Below `runtime`.
std::filesystem::path podman_socket_of(unsigned uid, std::filesystem::path const& runtime = kUserRuntime);

// Errors: not_found, refused (it is root), errno's.
Result<AppUser> find_app_user(std::string const& name);

// Makes what is missing, and gives back to its owner what is another's. Errors: errno's.
Result<void> make_storage(std::filesystem::path const& data);
Result<void> make_storage_of(std::filesystem::path const& data, AppUser const& user);

}   // namespace health
