#include "net/forwarding.hpp"

#include "core/files.hpp"

#include <algorithm>
#include <fstream>

namespace net {
namespace {

namespace fs = std::filesystem;
using core::fail;
using core::Level;
using core::Result;
using core::Task;

// "all" first: it takes the others with it. `force_forwarding` forwards IPv6 although "all" does not (Linux
// 6.17).
std::vector<std::string> switches(fs::path const& sysctl_net) {
    std::vector<std::string> names{"ipv4/ip_forward", "ipv6/conf/all/forwarding"};
    for (std::string const family : {"ipv4/conf", "ipv6/conf"}) {
        std::error_code ignored;   // no IPv6 in this kernel
        for (auto const& interface : fs::directory_iterator{sysctl_net / family, ignored})
            for (auto const* name : {"forwarding", "force_forwarding"})
                names.push_back(family + '/' + interface.path().filename().string() + '/' + name);
    }
    return names;
}

// Whether it had to.
Result<bool> switch_off(fs::path const& file) {
    auto const now = core::read_file(file, 64);
    if (!now && now.error().is(core::Errc::not_found)) return false;   // no such switch, or not any more
    if (!now) return fail(now, "switching IP forwarding off");
    if (now->starts_with('0')) return false;
    std::ofstream switched{file};
    errno = 0;
    if (!(switched << "0\n" << std::flush))
        return core::fail_errno("switching IP forwarding off in " + file.string());
    return true;
}

}   // namespace

Result<std::vector<std::string>> switch_forwarding_off(fs::path const& sysctl_net) {
    std::vector<std::string> switched;
    for (auto const& name : switches(sysctl_net)) {
        auto const was_on = switch_off(sysctl_net / name);
        if (!was_on) return was_on.error();
        if (*was_on) switched.push_back(name);
    }
    return switched;
}

Forwarding::Forwarding(core::Clock& clock,
                       core::Writer<&core::DeviceState::forwarding> forwarding,
                       core::Log log,
                       fs::path sysctl_net)
    : clock_{clock}, forwarding_{forwarding}, log_{std::move(log)}, sysctl_net_{std::move(sysctl_net)} {}

Task<void> Forwarding::run() {
    for (unsigned failures = 0;;) {
        bool const off = switch_off();
        failures = off ? 0 : failures + 1;
        if (!off) {
            co_await clock_.sleep_for(backoff_.pause(failures));
            continue;
        }
        co_await kernel_.switched_on();
        auto const pause = repairs_.pause(clock_.now());
        if (pause > core::Duration{}) co_await clock_.sleep_for(pause);
    }
}

bool Forwarding::switch_off() {
    auto const switched = switch_forwarding_off(sysctl_net_);
    auto next = forwarding_.now();
    next.off = switched.has_value();
    next.error = switched ? "" : switched.error().text();
    if (!switched && next.error != forwarding_.now().error)
        log_(Level::error, "ip forwarding is not off, will retry", {{"why", next.error}});
    if (switched && !switched->empty()) {
        ++next.switched_off;
        log_(Level::warning, "ip forwarding was on, switched off",
             {{"switch", switched->front()}, {"switches", switched->size()}});
    }
    forwarding_.set(std::move(next));
    return switched.has_value();
}

}   // namespace net
