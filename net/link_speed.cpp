#include "net/link_speed.hpp"

#include "core/owned.hpp"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>

#include <sys/ioctl.h>
#include <sys/socket.h>

namespace net {

std::optional<int> link_speed_mbit(std::string const& interface) {
    core::OwnedFd const socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    ethtool_cmd settings{};
    settings.cmd = ETHTOOL_GSET;   // the older one of two: it needs one call, and tells speeds up to 4 Tbit/s
    ifreq request{};
    if (!socket || interface.size() >= sizeof request.ifr_name) return std::nullopt;
    interface.copy(request.ifr_name, sizeof request.ifr_name - 1);
    request.ifr_data = reinterpret_cast<char*>(&settings);
    if (::ioctl(socket.get(), SIOCETHTOOL, &request) != 0) return std::nullopt;
    auto const speed = ethtool_cmd_speed(&settings);
    if (speed == 0 || speed > 1'000'000) return std::nullopt;   // SPEED_UNKNOWN is -1, in 16 or 32 bits
    return static_cast<int>(speed);
}

}   // namespace net
