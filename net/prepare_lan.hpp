#pragma once
// What lets the LAN be served without this program: before anything is started, `atomixd --prepare-lan` sets
// the LAN interface's address and writes the files that dnsmasq and chronyd read. And those that networkd
// reads, so that the WAN too is as the operator wishes from the first second; but nothing of that fails the
// LAN.
//
// The same is kept as one file on the data partition, for the boot in which this program cannot be run at
// all: deploy/systemd/prepare-lan, a shell script, then takes what was served last.

#include "config/operator_document.hpp"
#include "core/log.hpp"
#include "core/task.hpp"

#include <string>

namespace net {

using core::Result;
using core::Task;

// Files first, so that what is started afterwards never serves another subnet. An interface that is not there
// yet is no error: its address is set when this is run again. Errors: errno's.
Task<Result<void>>
prepare_lan(config::OperatorDocument document, config::DeviceDocument device, core::Log log);

// Keeps what write_lan_files() has written, and the address, as <data>/lan/last. One file, because a power
// cut must not mix two subnets; written only when it differs. Errors: errno's.
Result<void> keep_lan_files(config::OperatorDocument const& document, config::DeviceDocument const& device);

struct LanTexts {
    std::string dnsmasq_config, dnsmasq_hosts, chrony_config;
};
// "== NAME" begins a part, "== end" stands last. Pure.
std::string print_last(core::Cidr lan, LanTexts const& texts);

}   // namespace net
