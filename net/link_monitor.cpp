#include "net/link_monitor.hpp"

#include "core/race.hpp"

#include <algorithm>
#include <stdexcept>

namespace net {
namespace {

using core::Level;

constexpr core::Duration kRetryAddress = std::chrono::seconds{5};
constexpr core::Duration kBeforeReadingAgain = std::chrono::milliseconds{100};

core::Link seen(std::string const& name,
                std::optional<LinkTable::Entry> const& interface,
                bool carrier,
                std::string error) {
    core::Link link{.name = name,
                    .present = interface.has_value(),
                    .carrier = carrier,
                    .mac = {},
                    .addresses = {},
                    .error = std::move(error)};
    if (!interface) return link;
    link.mac = interface->link.mac;
    for (auto const& address : interface->addresses) link.addresses.push_back(core::print(address.cidr));
    return link;
}

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
                         core::Writer<&core::DeviceState::links> links,
                         core::Log log,
                         std::string wan,
                         std::string lan,
                         core::Cidr lan_address)
    : clock_{clock},
      links_{links},
      log_{std::move(log)},
      wan_{std::move(wan)},
      lan_{std::move(lan)},
      lan_address_{lan_address} {}

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
    if (auto ok = socket->request_links(); !ok) co_return ok.error();

    int dumps_ended = 0;   // links, then addresses; before that the table is not the whole truth
    for (;;) {
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
                if (end && ++dumps_ended == 1)
                    if (auto ok = socket->request_addresses(); !ok) co_return ok.error();
                take(event);
                if (dumps_ended >= 1) hold_carriers();
            }
        }
        if (dumps_ended >= 2) look();
    }
}

void LinkMonitor::take(RouteEvent const& event) {
    if (auto const* link = std::get_if<LinkEvent>(&event)) table_.apply(*link);
    if (auto const* address = std::get_if<AddressEvent>(&event)) table_.apply(*address);
}

// After every single event: a carrier that went and came back within one batch has not held.
void LinkMonitor::hold_carriers() {
    wan_hold_ = wan_hold_.after(table_.find(wan_), clock_.now());
    lan_hold_ = lan_hold_.after(table_.find(lan_), clock_.now());
}

void LinkMonitor::look() {
    auto lan_error = ensure_lan_address();
    auto const now = clock_.now();
    core::Links const links{.wan = seen(wan_, table_.find(wan_), wan_hold_.is_up(now), {}),
                            .lan = seen(lan_, table_.find(lan_), lan_hold_.is_up(now), std::move(lan_error))};
    log_changes(links_.now(), links);
    links_.set(links);
}

std::string LinkMonitor::ensure_lan_address() {
    retry_at_.reset();
    auto const lan = table_.find(lan_);
    if (!lan) return "there is no interface " + lan_;
    auto const ok = lan_address_.ensure(*lan);
    if (ok) return {};
    retry_at_ = clock_.now() + kRetryAddress;
    return ok.error().text();
}

std::optional<core::TimePoint> LinkMonitor::wake_at() const {
    auto const now = clock_.now();
    return earlier(earlier(wan_hold_.wake_at(now), lan_hold_.wake_at(now)), retry_at_);
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
}

}   // namespace net
