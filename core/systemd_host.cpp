#include "core/systemd_host.hpp"

#include "core/files.hpp"
#include "core/probe_names.hpp"
#include "core/race.hpp"

#include <boost/asio/as_tuple.hpp>

#include <unistd.h>

#include <algorithm>

namespace core {
namespace {

constexpr std::size_t kLongestRecord = 1024 * 1024;
constexpr auto kAnswerLimit = std::chrono::seconds{60};   // libsystemd's own is 10 s, for each of two calls
constexpr Backoff kOrders{};                              // 1 s … 60 s
constexpr Backoff kConnections{.first = std::chrono::milliseconds{100},
                               .most = std::chrono::seconds{5},
                               .forget_after = std::chrono::seconds{10}};
// systemd re-executes itself in less than the pauses before this attempt; then nothing is known any more.
constexpr unsigned kAttemptsBeforeUnknown = 4;

std::string unit_of(std::string const& service) {
    return "atomix-" + service + ".service";
}

std::string observed_as(std::string const& unit) {
    return std::string{kUnitProbe} + unit;
}

std::string joined(std::vector<std::string> const& words) {
    std::string all;
    for (auto const& word : words) all += (all.empty() ? "" : " ") + word;
    return all;
}

// Nothing when the process has gone.
std::string command_of(int pid) {
    auto text = read_file("/proc/" + std::to_string(pid) + "/cmdline", 64 * 1024);
    if (!text || text->empty()) return {};
    text->pop_back();   // each word ends with a zero
    std::ranges::replace(*text, '\0', ' ');
    return *text;
}

}   // namespace

SystemdHost::SystemdHost(Clock& clock,
                         Progress& progress,
                         Writer<&DeviceState::services> services,
                         Log log,
                         std::filesystem::path run_directory,
                         std::filesystem::path socket)
    : clock_{clock},
      progress_{progress},
      services_{services},
      log_{std::move(log)},
      run_directory_{std::move(run_directory)},
      socket_{std::move(socket)} {}

std::filesystem::path SystemdHost::record_of(std::string const& name) const {
    return run_directory_ / (name + ".started");
}

void SystemdHost::want(ServiceSpec spec) {
    auto& kept = kept_[spec.name];
    if (kept.spec == spec) return;
    kept.past.insisted = false;
    kept.not_before.reset();   // another wish does not wait for the end of a back-off
    kept.starts_in_a_row = 0;
    kept.checked.clear();
    kept.spec = std::move(spec);
    ++wishes_;
    if (changed_) changed_->cancel();
}

Service SystemdHost::told(std::string const& name) const {
    auto const found = services_.now().find(name);
    return found == services_.now().end() ? Service{} : found->second;
}

void SystemdHost::tell(std::string const& name, UnitState now) {
    auto& kept = kept_.at(name);
    auto after = service_after(told(name), unit_of(name), kept.seen, now);
    if (!after.running && !kept.refused.empty()) after.error = kept.refused;
    kept.seen = std::move(now);
    tell(name, std::move(after));
}

void SystemdHost::tell(std::string const& name, Service after) {
    auto const before = told(name);
    if (after == before) return;
    if (after.running)
        log_(Level::info, "service runs", {{"service", name}, {"pid", after.pid}, {"starts", after.starts}});
    else if (!after.error.empty() && (before.running || after.error != before.error))
        log_(Level::warning, "service does not run", {{"service", name}, {"why", after.error}});
    services_.change([&](Services& all) { all[name] = std::move(after); });
}

void SystemdHost::tell_unknown(std::string const& why) {
    services_.change([&](Services& all) {
        for (auto const& [name, kept] : kept_) all[name];
        for (auto const& [unit, seen] : observed_) all[observed_as(unit)];
        for (auto& [name, service] : all) {
            service.running = false;
            service.pid = 0;
            service.error = "not known: " + why;
        }
    });
}

// Once per run: does the unit do what is wanted?
void SystemdHost::check_run(Kept& kept) const {
    if (kept.seen.pid == 0 || kept.checked == kept.seen.invocation) return;
    auto const runs = command_of(kept.seen.pid), wanted = joined(kept.spec.argv);
    if (runs.empty()) return;
    kept.checked = kept.seen.invocation;
    auto const unit = unit_of(kept.spec.name);
    if (runs != wanted)
        log_(Level::warning, "the unit runs something else than device.yaml asks for",
             {{"unit", unit}, {"runs", runs}, {"wanted", wanted}});
    if (!kept.past.started_as_wanted && kept.past.insisted)
        log_(Level::warning, "the unit was not started with what is wanted, although it was restarted for it",
             {{"unit", unit}, {"started_with", record_of(kept.spec.name).string()}});
}

void SystemdHost::postpone(Kept& kept, TimePoint until) {
    kept.not_before = std::max(kept.not_before.value_or(until), until);
}

// One look at a unit, and what follows from it.
Task<Result<void>> SystemdHost::look(SystemdBus& bus, std::string name) {
    if (auto ok = bus.watch(unit_of(name)); !ok) co_return ok.error();
    auto const now = co_await bus.state(unit_of(name));
    if (!now) co_return now.error();

    auto& kept = kept_.at(name);
    auto const record = read_file(record_of(name), kLongestRecord);
    kept.past.started_as_wanted = record && *record == kept.spec.configuration;
    if (kept.past.started_as_wanted) kept.past.insisted = false;
    // Up until now, and long after the last order: that one counts as a success.
    if (kept.seen.active == "active" && clock_.now() - kept.ordered >= kOrders.forget_after)
        kept.starts_in_a_row = 0;
    // Somebody's stop is undone, but not in the same moment. At the first look nobody has stopped anything.
    bool const was_up = !kept.seen.active.empty() && !is_down(kept.seen);
    if (was_up && is_down(*now)) postpone(kept, clock_.now() + kOrders.pause(kept.starts_in_a_row));
    if (now->active == "active") kept.refused.clear();
    tell(name, *now);
    if (now->active == "active") check_run(kept);

    if (kept.not_before && clock_.now() < *kept.not_before) co_return Result<void>{};
    kept.not_before.reset();
    auto const wanted = core::order(*now, kept.past);
    if (wanted == UnitOrder::none) co_return Result<void>{};
    co_return co_await give(bus, std::move(name), wanted);
}

Task<Result<void>> SystemdHost::look_only(SystemdBus& bus, std::string unit) {
    if (auto ok = bus.watch(unit); !ok) co_return ok.error();
    auto now = co_await bus.state(unit);
    if (!now) co_return now.error();
    auto& seen = observed_.at(unit);
    tell(observed_as(unit), observed_after(told(observed_as(unit)), unit, seen, *now));
    seen = std::move(*now);
    co_return Result<void>{};
}

Task<Result<void>> SystemdHost::give(SystemdBus& bus, std::string name, UnitOrder order) {
    auto& kept = kept_.at(name);
    auto const invocation = kept.seen.invocation, configuration = kept.spec.configuration;
    bool const starts = order == UnitOrder::start;
    bool const insists = !starts && !kept.past.started_as_wanted;
    auto const* const why = insists  ? "another configuration is wanted"
                            : starts ? "it is not"
                                     : "it has ended";
    log_(Level::info, starts ? "asking for a start" : "asking for a restart",
         {{"service", name}, {"why", why}});

    auto asked = starts ? bus.start(unit_of(name)) : bus.restart(unit_of(name));
    auto const taken = co_await std::move(asked);
    if (!taken && !taken.error().is(Errc::refused)) co_return taken.error();
    kept.refused = taken ? "" : taken.error().text();
    if (taken && !starts) kept.past.restarted = invocation;
    if (taken && insists && kept.spec.configuration == configuration) kept.past.insisted = true;
    // What was taken shows in the next looks; a start that changes nothing must not be asked for in a circle.
    if (starts || !taken) postpone(kept, clock_.now() + kOrders.pause(++kept.starts_in_a_row));
    kept.ordered = clock_.now();
    if (!taken)
        log_(Level::warning, "systemd does not take the order, will retry",
             {{"unit", unit_of(name)}, {"why", kept.refused}});
    co_return Result<void>{};
}

Task<void> SystemdHost::other_wish(unsigned wishes) {
    auto const signal = changed_;
    while (wishes_ == wishes) co_await signal->async_wait(asio::as_tuple(asio::use_awaitable));
}

Task<void> SystemdHost::other_wish_or_time(unsigned wishes) {
    std::optional<TimePoint> next;
    for (auto const& [name, kept] : kept_)
        if (kept.not_before && (!next || *kept.not_before < *next)) next = kept.not_before;
    auto wish = other_wish(wishes);
    if (!next) {
        co_await std::move(wish);
        co_return;
    }
    auto time = clock_.sleep_until(*next);
    (void)co_await ends_before(std::move(wish), std::move(time));
}

// Until the connection ends; why.
Task<Error> SystemdHost::serve() {
    // Root's, as this program is.
    auto bus = SystemdBus::open(co_await asio::this_coro::executor, socket_, ::geteuid());
    if (!bus) co_return bus.error();
    for (;;) {
        auto const wishes = wishes_;
        std::vector<std::string> names;
        for (auto const& [name, kept] : kept_) names.push_back(name);
        for (auto const& name : names) {
            auto const looked = co_await watched(progress_, "services", "asking systemd for " + name,
                                                 kAnswerLimit, look(*bus, name));
            if (!looked) co_return looked.error();
        }
        for (auto const& [unit, seen] : observed_) {
            auto const looked = co_await watched(progress_, "services", "asking systemd for " + unit,
                                                 kAnswerLimit, look_only(*bus, unit));
            if (!looked) co_return looked.error();
        }
        auto change = bus->changed();
        auto other = other_wish_or_time(wishes);
        auto const changed = co_await first_of(std::move(change), std::move(other));
        if (changed && !*changed) co_return changed->error();
    }
}

Task<void> SystemdHost::run() {
    auto const executor = co_await asio::this_coro::executor;
    changed_ = std::make_shared<asio::steady_timer>(executor, asio::steady_timer::time_point::max());
    for (unsigned failures = 0;;) {
        auto const begun = clock_.now();
        auto const why = co_await serve();
        failures = clock_.now() - begun >= kConnections.forget_after ? 1 : failures + 1;
        log_(Level::warning, "systemd cannot be asked, will retry", {{"why", why.text()}});
        if (failures >= kAttemptsBeforeUnknown) tell_unknown(why.text());
        co_await clock_.sleep_for(kConnections.pause(failures));
    }
}

}   // namespace core
