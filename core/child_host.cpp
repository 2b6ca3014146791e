#include "core/child_host.hpp"

#include "core/child.hpp"
#include "core/files.hpp"
#include "core/race.hpp"
#include "core/task_group.hpp"

#include <boost/asio/as_tuple.hpp>

#include <signal.h>
#include <sys/syscall.h>

#include <set>

namespace core {
namespace {

constexpr int kPatienceS = 3;

// Field 22 of /proc/<pid>/stat: a pid that was given away again has another start time (proc(5)).
std::string start_time(pid_t pid) {
    auto const stat = read_file("/proc/" + std::to_string(pid) + "/stat", 4096);
    if (!stat) return {};
    auto rest = std::string_view{*stat};
    rest.remove_prefix(std::min(rest.rfind(')') + 2, rest.size()));   // the name may contain anything
    for (int field = 3; field < 22; ++field) rest.remove_prefix(std::min(rest.find(' ') + 1, rest.size()));
    return std::string{rest.substr(0, rest.find(' '))};
}

Task<void> changed(std::shared_ptr<asio::steady_timer> signal) {
    co_await signal->async_wait(asio::as_tuple(asio::use_awaitable));
}

// True when the process that the file names was running; it has ended then. It is not our child: a pidfd can
// wait for its end all the same.
Task<bool> end_stale(std::filesystem::path pid_file) {
    auto const text = read_file(pid_file, 256);
    if (!text) co_return false;
    pid_t const pid = std::atoi(text->c_str());
    auto const space = text->find(' ');
    if (pid <= 1 || space == std::string::npos) co_return false;
    // The pidfd first: what it holds cannot be replaced by another process between the comparison and the
    // signal.
    Child stale;
    stale.pid = pid;
    stale.pidfd = OwnedFd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
    if (!stale.pidfd || start_time(pid) != text->substr(space + 1)) co_return false;
    co_await end_process(stale, kPatienceS);
    co_return true;
}

// Wakes run() when a keep() has ended, which only a bug can bring about.
struct WakeAtEnd {
    std::shared_ptr<asio::steady_timer> signal;
    ~WakeAtEnd() { signal->cancel(); }
};

}   // namespace

ChildHost::ChildHost(Clock& clock,
                     Writer<&DeviceState::services> services,
                     Log log,
                     std::filesystem::path run_directory)
    : clock_{clock}, services_{services}, log_{std::move(log)}, run_directory_{std::move(run_directory)} {}

void ChildHost::want(ServiceSpec spec) {
    auto& wanted = wanted_[spec.name];
    if (wanted == spec) return;
    wanted = std::move(spec);
    if (changed_) changed_->cancel();
}

void ChildHost::tell(std::string const& name, Service service) {
    services_.change([&](Services& all) { all[name] = std::move(service); });
}

// One child from its start to its end. A task of its own: a cancellation is the order to end the child.
Task<void> ChildHost::live(ServiceSpec spec) {
    auto const pid_file = run_directory_ / (spec.name + ".pid");
    bool const was_running = co_await end_stale(pid_file);
    if (was_running) log_(Level::notice, "ended a process left by an earlier run", {{"service", spec.name}});

    auto service = services_.now().contains(spec.name) ? services_.now().at(spec.name) : Service{};
    auto const child = spawn(spec.argv);
    ++service.starts;
    if (!child) {
        service.error = child.error().text();
        tell(spec.name, service);
        co_return;
    }
    auto const recorded = replace_file(pid_file, std::to_string(child->pid) + ' ' + start_time(child->pid));
    if (!recorded) log_(Level::warning, "could not record the process", {{"why", recorded.error().text()}});
    service = {.running = true, .pid = child->pid, .starts = service.starts, .error = ""};
    tell(spec.name, service);
    log_(Level::info, "service started", {{"service", spec.name}, {"pid", child->pid}});

    std::exception_ptr thrown;
    try {
        int const status = co_await wait_for_end(*child);
        service.error = "ended with status " + std::to_string(status);
    } catch (...) { thrown = std::current_exception(); }
    if (thrown) {
        co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
        co_await end_child(*child, kPatienceS);
    }
    service.running = false;
    service.pid = 0;
    tell(spec.name, service);
    auto const removed = remove_file(pid_file);
    if (!removed) log_(Level::warning, "could not remove the pid file", {{"why", removed.error().text()}});
    if (thrown) std::rethrow_exception(thrown);
}

// Returns when something else than `spec` is wanted.
Task<void> ChildHost::other_wish(ServiceSpec spec) {
    while (wanted_.at(spec.name) == spec) co_await changed(changed_);
}

Task<void> ChildHost::keep(std::string name) {
    WakeAtEnd const wake{changed_};
    for (unsigned failures = 0;;) {
        auto const spec = wanted_.at(name);
        auto const started = clock_.now();
        auto life = live(spec);
        auto wish = other_wish(spec);
        bool const ended = co_await ends_before(std::move(life), std::move(wish));
        if (!ended) {
            failures = 0;
            continue;
        }
        // One that was up for long is back at once: the LAN waits for it.
        bool const was_up = clock_.now() - started >= backoff_.forget_after;
        failures = was_up ? 0 : failures + 1;
        auto const pause = was_up ? Duration{} : backoff_.pause(failures);
        log_(Level::warning, "service ended, will restart",
             {{"service", name},
              {"why", services_.now().at(name).error},
              {"in_ms", std::chrono::duration_cast<std::chrono::milliseconds>(pause).count()}});
        auto rest = clock_.sleep_for(pause);
        auto wish_meanwhile = other_wish(spec);
        bool const rested = co_await ends_before(std::move(rest), std::move(wish_meanwhile));
        if (!rested) failures = 0;
    }
}

Task<void> ChildHost::run() {
    auto const executor = co_await asio::this_coro::executor;
    changed_ = std::make_shared<asio::steady_timer>(executor, asio::steady_timer::time_point::max());
    TaskGroup children{executor};
    std::set<std::string> kept;
    while (!children.failed() &&
           (co_await asio::this_coro::cancellation_state).cancelled() == asio::cancellation_type::none) {
        for (auto const& [name, spec] : wanted_)
            if (kept.insert(name).second) children.start(keep(name));
        co_await changed(changed_);
    }
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    co_await children.end_all();
    changed_.reset();
    if (auto const bug = children.failed()) std::rethrow_exception(bug);
}

}   // namespace core
