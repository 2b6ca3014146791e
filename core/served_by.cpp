#include "core/served_by.hpp"

#include <sys/socket.h>

namespace core {

Result<void> served_by(unsigned uid, int socket, std::filesystem::path const& path) {
    constexpr auto kNobody = static_cast<uid_t>(-1);
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return fail_errno("asking who serves " + path.string());
    if (peer.uid == uid) return {};
    if (peer.uid == kNobody) return fail(Errc::unreachable, "nobody takes connections at " + path.string());
    return fail(Errc::refused, path.string() + " is served by user " + std::to_string(peer.uid) +
                                   " and not by user " + std::to_string(uid) + ", so it is not used");
}

}   // namespace core
