#pragma once
// What systemd-networkd reads about the WAN, the further interfaces and the LAN (systemd.network(5)). Pure.
//
// The first file that matches an interface is the only one that counts, by file name over all directories,
// and of two files with one name that in /etc wins over /run, and /run over /usr/lib. Ours are in /run and
// begin with 05-atomix-, before an image's 10-wan.network wherever that lies. Who must have the last word
// puts a file of an earlier name, or a drop-in 05-atomix-NAME.network.d/*.conf, into /etc/systemd/network.

#include "config/operator_document.hpp"

#include <string>
#include <vector>

namespace net {

inline constexpr std::string_view kNetworkFilePrefix = "05-atomix-";
inline constexpr std::string_view kNetworkFileSuffix = ".network";

// A route by DHCP has the metric 1024 (systemd.network(5)), one that is written 0. Further interfaces come
// after both, each with a metric of its own: nothing on them may take the WAN's traffic away.
inline constexpr int kFirstFurtherMetric = 2048;

struct NetworkFile {
    std::string name;   // without the directory
    std::string text;
    bool operator==(NetworkFile const&) const = default;
};

// One file for each interface; the LAN's says that networkd leaves it alone. `names` is what the device calls
// its two sides.
std::vector<NetworkFile> networkd_config(config::OperatorDocument const& document,
                                         config::DeviceNames const& names);

}   // namespace net
