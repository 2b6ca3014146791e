#include "net/link_monitor.hpp"

#include "core/race.hpp"
#include "net/link_speed.hpp"

#include <algorithm>
#include <stdexcept>

namespace net {
namespace {

using core::Level;

constexpr auto kDumpLimit = std::chrono::seconds{30};   // the kernel takes milliseconds
constexpr core::Duration kRetryAddress = std::chrono::seconds{5};
constexpr core::Duration kBeforeReadingAgain = std::chrono::milliseconds{100};

std::optional<core::TimePoint> earlier(std::optional<core::TimePoint> a, std::optional<core::TimePoint> b) {
    if (!a || !b) return a ? a : b;
    return std::min(*a, *b);
}

}   // namespace

CarrierHold CarrierHold::after(std::optional<LinkTable::Entry> const& interface, core::TimePoint now) const {
    if (!interface) return {};
    CarrierHold next{.index = interface->link.index, .up_since = {}};
    if (!interface->link.carrier) return next;
    next.up_since = index == next.index && up_since ? *up_since : now;
    return next;
}

std::optional<core::TimePoint> CarrierHold::wake_at(core::TimePoint now) const noexcept {
    if (!up_since || is_up(now)) return std::nullopt;
    return *up_since + kHold;
}

LinkMonitor::LinkMonitor(core::Clock& clock,
                         core::Progress& progress,
                         core::Writer<&core::DeviceState::links> links,
                         core::Log log,
                         std::string wan,
                         std::string lan,
                         core::Cidr lan_address,
                         std::vector<std::string> further)
    : clock_{clock}, progress_{progress}, links_{links}, log_{std::move(log)}, lan_address_{lan_address} {
    watched_ = {{std::move(wan), {}}, {std::move(lan), {}}};
    for (auto& name : further) watched_.push_back({std::move(name), {}});
}

Task<void> LinkMonitor::run() {
    for (;;) {
        auto const why = co_await follow();
        if (!is_overrun(why)) throw std::runtime_error(why.text());
        log_(Level::warning, "link changes were lost, reading all again", {{"why", why.text()}});
        co_await clock_.sleep_for(kBeforeReadingAgain);
    }
}

// A fresh socket for every reading of everything: nothing of an earlier dump can be in it.
Task<core::Error> LinkMonitor::follow() {
    auto socket = RouteSocket::open(co_await core::asio::this_coro::executor);
    if (!socket) co_return socket.error();
    table_.clear();
    dump_ = Dump::links;
    if (auto ok = socket->request_links(); !ok) co_return ok.error();

    std::optional<core::Progress::Busy> reading;   // while a dump is under way
    for (;;) {
        if (dump_ != Dump::none && !reading)
            reading.emplace(progress_.busy("links", "reading links, addresses and routes", kDumpLimit));
        std::optional<Result<std::vector<RouteEvent>>> events;
        if (auto const deadline = wake_at()) {
            auto next = socket->next();
            auto alarm = clock_.sleep_until(*deadline);
            events = co_await core::first_of(std::move(next), std::move(alarm));
        } else {
            auto got = co_await socket->next();
            events.emplace(std::move(got));
        }
        if (events && !*events) co_return events->error();
        if (events) {
            for (auto const& event : **events) {
                auto const* end = std::get_if<DumpEnd>(&event);
                if (end && !end->complete)
                    co_return fail(make_error_code(boost::system::errc::no_buffer_space),
                                   "the kernel's list changed while it was read");
                if (end)
                    if (auto ok = next_dump(*socket); !ok) co_return ok.error();
                take(event);
                if (dump_ != Dump::links) hold_carriers();
            }
        }
        if (dump_ == Dump::none) reading.reset();
        if (dump_ == Dump::none && routes_are_stale_)
            if (auto ok = read_routes(*socket); !ok) co_return ok.error();
        if (dump_ == Dump::none) look();
    }
}

Result<void> LinkMonitor::next_dump(RouteSocket& socket) {
    if (dump_ == Dump::links) {
        dump_ = Dump::addresses;
        return socket.request_addresses();
    }
    if (dump_ == Dump::addresses) return read_routes(socket);
    dump_ = Dump::none;
    return {};
}

Result<void> LinkMonitor::read_routes(RouteSocket& socket) {
    dump_ = Dump::routes;
    routes_are_stale_ = false;
    table_.forget_routes();
    return socket.request_routes();
}

void LinkMonitor::take(RouteEvent const& event) {
    if (auto const* link = std::get_if<LinkEvent>(&event)) {
        table_.apply(*link);
        routes_are_stale_ = routes_are_stale_ || !link->up || link->gone;
    }
    if (auto const* address = std::get_if<AddressEvent>(&event)) {
        table_.apply(*address);
        routes_are_stale_ = routes_are_stale_ || address->gone;
    }
    if (auto const* route = std::get_if<DefaultRouteEvent>(&event)) {
        if (route->listed)
            table_.apply(*route);
        else
            routes_are_stale_ = true;
    }
}

// After every single event: a carrier that went and came back within one batch has not held.
void LinkMonitor::hold_carriers() {
    for (auto& [name, hold] : watched_) hold = hold.after(table_.find(name), clock_.now());
}

core::Link LinkMonitor::seen(Watched const& watched, std::string error) const {
    core::Link link{.name = watched.name, .error = std::move(error)};
    auto const interface = table_.find(watched.name);
    if (!interface) return link;
    link.present = true;
    link.up = interface->link.up;
    link.carrier = watched.hold.is_up(clock_.now());
    link.mac = interface->link.mac;
    for (auto const& address : interface->addresses) link.addresses.push_back(core::print(address.cidr));
    if (link.carrier) link.speed_mbit = link_speed_mbit(watched.name);
    return link;
}

void LinkMonitor::look() {
    core::Links links{.wan = seen(watched_[0], {}), .lan = {}};
    links.lan = seen(watched_[1], ensure_lan_address());
    for (auto further = watched_.begin() + 2; further != watched_.end(); ++further)
        links.further.push_back(seen(*further, {}));
    if (auto const route = table_.default_route())
        links.default_route =
            core::DefaultRoute{.gateway = route->gateway ? core::print(*route->gateway) : "",
                               .interface = table_.name_of(route->index)};
    log_changes(links_.now(), links);
    links_.set(std::move(links));
}

std::string LinkMonitor::ensure_lan_address() {
    retry_at_.reset();
    auto const lan = table_.find(watched_[1].name);
    if (!lan) return "there is no interface " + watched_[1].name;
    auto const ok = lan_address_.ensure(*lan);
    if (ok) return {};
    retry_at_ = clock_.now() + kRetryAddress;
    return ok.error().text();
}

std::optional<core::TimePoint> LinkMonitor::wake_at() const {
    auto first = retry_at_;
    for (auto const& watched : watched_) first = earlier(first, watched.hold.wake_at(clock_.now()));
    return first;
}

void LinkMonitor::log_changes(core::Links const& before, core::Links const& after) const {
    auto const tell = [&](core::Link const& was, core::Link const& is) {
        if (was.present != is.present)
            log_(Level::notice, is.present ? "interface appeared" : "interface is gone",
                 {{"interface", is.name}});
        if (was.carrier != is.carrier)
            log_(Level::notice, is.carrier ? "link is up" : "link is down", {{"interface", is.name}});
        if (was.error != is.error && !is.error.empty())
            log_(Level::warning, "lan address is not set, will retry", {{"why", is.error}});
        if (was.addresses != is.addresses) {
            std::string all;
            for (auto const& address : is.addresses) all += (all.empty() ? "" : " ") + address;
            log_(Level::info, "addresses changed", {{"interface", is.name}, {"addresses", all}});
        }
    };
    tell(before.wan, after.wan);
    tell(before.lan, after.lan);
    core::Link const nothing;
    for (std::size_t i = 0; i < after.further.size(); ++i)
        tell(i < before.further.size() ? before.further[i] : nothing, after.further[i]);
    if (before.default_route != after.default_route)
        log_(Level::info, "default route changed",
             {{"gateway", after.default_route ? after.default_route->gateway : "none"},
              {"interface", after.default_route ? after.default_route->interface : "none"}});
}

}   // namespace net
