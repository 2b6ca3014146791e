#include "net/chrony_config.hpp"

namespace net {

std::string chrony_config(config::OperatorDocument const& document, ChronyPlaces const& places) {
    auto const lan = *document.lan;
    std::string text = "# Written by atomixd; changes here are lost.\n";
    for (auto const& server : *document.ntp_servers) text += "server " + server + " iburst\n";
    text += "makestep 1.0 -1\n";
    text += "local stratum 10\n";   // the LAN has one time even when nobody tells the gateway which
    // Who is not allowed is denied. A `deny all` after the `allow` would take it back: the later line wins.
    text += "bindaddress " + core::print(lan.address) + '\n';
    text += "allow " + core::print(core::Cidr{lan.network(), lan.prefix}) + '\n';
    text += "cmdport 0\n";
    text += "bindcmdaddress " + places.socket.string() + '\n';
    text += "driftfile " + places.drift.string() + '\n';
    text += "pidfile " + places.pid_file.string() + '\n';
    return text;
}

}   // namespace net
