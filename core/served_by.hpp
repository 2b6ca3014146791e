#pragma once
// Who is at the other end of a unix socket: somebody who may write the directory that it lies in can put a
// link to another's socket in its place.

#include "core/result.hpp"

#include <filesystem>

namespace core {

// `socket` is connected to what lies at `path`, which must be served by the user `uid`: whoever called
// listen(2) there (SO_PEERCRED, unix(7)). Errors: refused (another does), unreachable (nobody), errno's.
Result<void> served_by(unsigned uid, int socket, std::filesystem::path const& path);

}   // namespace core
