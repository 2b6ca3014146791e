// What the kernel tells about links, addresses and routes, and about its switches for forwarding: a datagram
// of rtnetlink.

#include "fuzz.hpp"
#include "net/link_event.hpp"
#include "net/netconf_event.hpp"

#include <vector>

using fuzz::must;

namespace {

// As a socket's buffer is; the sanitizer sees its end.
struct Aligned {
    std::vector<std::uint32_t> words;
    std::size_t size;

    explicit Aligned(std::span<std::byte const> bytes) : words((bytes.size() + 3) / 4), size{bytes.size()} {
        if (size > 0) std::memcpy(words.data(), bytes.data(), size);
    }
    std::span<std::byte const> bytes() const { return std::as_bytes(std::span{words}).first(size); }
};

void check(net::LinkEvent const& link, net::LinkTable& table) {
    must(!link.name.empty() && link.name.find('\0') == std::string::npos, "a link has a name");
    must(link.mac.empty() || link.mac.size() == 17, "a MAC is six bytes, or none");
    table.apply(link);
    auto const found = table.find(link.name);
    must(link.gone || found.has_value(), "a link that was told is known");
}

void check(net::AddressEvent const& address, net::LinkTable& table) {
    must(address.cidr.prefix >= 0 && address.cidr.prefix <= 32, "a prefix has at most 32 bits");
    table.apply(address);
}

void check(net::DefaultRouteEvent const& route, net::LinkTable& table) {
    table.apply(route);
    auto const used = table.default_route();
    must(used && used->metric <= route.metric, "the default route with the lowest metric is used");
}

void check(net::DumpEnd const&, net::LinkTable&) {}

template <class T> void must_say_why(core::Result<T> const& parsed) {
    must(parsed.has_value() || !parsed.error().context.empty(), "a refusal is a sentence");
}

}   // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) {
    Aligned const datagram{fuzz::Input{bytes, size}.rest_bytes()};
    must_say_why(net::says_forwarding(datagram.bytes()));
    must_say_why(net::parse_link(datagram.bytes()));
    must_say_why(net::parse_address(datagram.bytes()));
    must_say_why(net::parse_route(datagram.bytes()));
    auto const events = net::parse_route_events(datagram.bytes());
    must_say_why(events);
    if (!events) return 0;
    net::LinkTable table;
    for (auto const& event : *events) std::visit([&](auto const& each) { check(each, table); }, event);
    return 0;
}
