#pragma once
// Keeps DeviceState::links true, the default route included, and the LAN interface's address as wanted
// (net/lan_address.hpp). An interface that is renamed, deleted or made anew is followed by its name.

#include "core/clock.hpp"
#include "core/device_state.hpp"
#include "core/log.hpp"
#include "core/progress.hpp"
#include "net/lan_address.hpp"
#include "net/route_socket.hpp"

#include <optional>
#include <string>
#include <vector>

namespace net {

// A carrier that comes and goes must not look like one: down at once, up after it has held. Pure.
struct CarrierHold {
    static constexpr core::Duration kHold = std::chrono::seconds{2};

    int index = 0;   // of the interface that was looked at; 0: there is none
    std::optional<core::TimePoint> up_since;

    CarrierHold after(std::optional<LinkTable::Entry> const& interface, core::TimePoint now) const;
    bool is_up(core::TimePoint now) const noexcept { return up_since && now - *up_since >= kHold; }
    // When is_up() will change by itself.
    std::optional<core::TimePoint> wake_at(core::TimePoint now) const noexcept;
};

class LinkMonitor {
public:
    // Watched as the task "links".
    LinkMonitor(core::Clock& clock,
                core::Progress& progress,
                core::Writer<&core::DeviceState::links> links,
                core::Log log,
                std::string wan,
                std::string lan,
                core::Cidr lan_address,
                std::vector<std::string> further = {});

    // Throws when the kernel gives no link events at all; lost events only mean that everything is read
    // again.
    Task<void> run();

private:
    // Which dump is under way. Before the first three have ended the table is not the whole truth.
    enum class Dump { links, addresses, routes, none };

    Task<core::Error> follow();   // until events were lost or the socket failed
    void take(RouteEvent const& event);
    Result<void> next_dump(RouteSocket& socket);
    Result<void> read_routes(RouteSocket& socket);
    void hold_carriers();
    void look();   // compares, corrects the LAN address, publishes
    std::string ensure_lan_address();
    std::optional<core::TimePoint> wake_at() const;
    void log_changes(core::Links const& before, core::Links const& after) const;

    core::Clock& clock_;
    core::Progress& progress_;
    core::Writer<&core::DeviceState::links> links_;
    core::Log log_;
    struct Watched {
        std::string name;
        CarrierHold hold;
    };
    core::Link seen(Watched const& watched, std::string error) const;

    std::vector<Watched> watched_;   // WAN, LAN, and the further ones
    LanAddress lan_address_;
    LinkTable table_;
    Dump dump_ = Dump::links;
    // The kernel tells of a route that was replaced or removed, but not of those that go with an address or a
    // link; so all are read again after anything that may have changed them.
    bool routes_are_stale_ = false;
    std::optional<core::TimePoint> retry_at_;   // of the LAN address
};

}   // namespace net
