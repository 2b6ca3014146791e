#include "core/notify.hpp"

#include "core/owned.hpp"

#include <systemd/sd-daemon.h>

#include <sys/socket.h>
#include <sys/un.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace core {

void notify_service_manager(std::string_view lines) {
    char const* const where = std::getenv("NOTIFY_SOCKET");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (!where || std::strlen(where) < 2 || std::strlen(where) >= sizeof address.sun_path) return;
    std::memcpy(address.sun_path, where, std::strlen(where));
    auto const length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(where));
    if (address.sun_path[0] == '@') address.sun_path[0] = '\0';   // an abstract socket

    OwnedFd const fd{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    ::sendto(fd.get(), lines.data(), lines.size(), MSG_NOSIGNAL, reinterpret_cast<sockaddr const*>(&address),
             length);
}

std::optional<Duration> watchdog_interval() {
    std::uint64_t microseconds = 0;
    if (::sd_watchdog_enabled(0, &microseconds) <= 0) return std::nullopt;
    return std::chrono::microseconds{microseconds};
}

}   // namespace core
