#pragma once
// What the kernel says about links, addresses and default routes, as values: bytes in, value out, nothing
// kept and nothing logged.
//
// Wire format: rtnetlink(7); libmnl's attribute walk. Sizes are checked before anything is read.

#include "core/ipv4.hpp"
#include "core/result.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace net {

using core::Errc;
using core::fail;
using core::Result;

struct LinkEvent {
    int index = 0;   // stays through a rename, is another one after the interface was made anew
    std::string name;
    std::string mac;        // "00:11:22:33:44:55", empty where the link has none
    bool up = false;        // IFF_UP: someone wants it
    bool carrier = false;   // IFF_RUNNING: it can carry packets
    bool gone = false;
    bool operator==(LinkEvent const&) const = default;
};

struct AddressEvent {
    int index = 0;   // of the link
    core::Cidr cidr;
    bool global = true;   // RT_SCOPE_UNIVERSE
    bool gone = false;
    bool operator==(AddressEvent const&) const = default;
};

// An IPv4 default route of the main table.
struct DefaultRouteEvent {
    int index = 0;                       // of the link
    std::optional<core::Ipv4> gateway;   // nothing: the link itself
    std::uint32_t metric = 0;            // the lowest is used
    bool listed = false;                 // by a dump; else news: it came, went or took another one's place
    bool operator==(DefaultRouteEvent const&) const = default;
};

struct DumpEnd {
    bool complete = true;   // false: the kernel's list changed meanwhile, or the dump failed
    bool operator==(DumpEnd const&) const = default;
};

// `message` is one netlink message with its header. Errors: bad_input (truncated, or a required attribute is
// absent).
Result<LinkEvent> parse_link(std::span<std::byte const> message);
Result<AddressEvent> parse_address(std::span<std::byte const> message);   // IPv4 only
// Nothing: another route. Errors: bad_input.
Result<std::optional<DefaultRouteEvent>> parse_route(std::span<std::byte const> message);

using RouteEvent = std::variant<LinkEvent, AddressEvent, DefaultRouteEvent, DumpEnd>;

// A datagram of the socket, which holds several messages; what is neither a link, an IPv4 address, a default
// route nor the end of a dump is left out. Errors: bad_input.
Result<std::vector<RouteEvent>> parse_route_events(std::span<std::byte const> datagram);

// All that was told so far.
class LinkTable {
public:
    struct Entry {
        LinkEvent link;
        std::vector<AddressEvent> addresses;   // in the kernel's order
    };

    void apply(LinkEvent const& event);
    void apply(AddressEvent const& event);
    void apply(DefaultRouteEvent const& listed) { routes_.push_back(listed); }
    void clear() { *this = {}; }
    void forget_routes() { routes_.clear(); }
    std::optional<Entry> find(std::string_view name) const;
    std::optional<DefaultRouteEvent> default_route() const;   // the one that is used
    std::string name_of(int index) const;                     // empty: not known

private:
    std::vector<LinkEvent> links_;
    std::vector<AddressEvent> addresses_;
    std::vector<DefaultRouteEvent> routes_;
};

}   // namespace net
