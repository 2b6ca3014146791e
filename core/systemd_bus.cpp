#include "core/systemd_bus.hpp"

#include "core/one_line.hpp"
#include "core/race.hpp"
#include "core/served_by.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <fcntl.h>
#include <poll.h>
#include <systemd/sd-bus.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <limits>

namespace core {
namespace {

constexpr char const* kManager = "org.freedesktop.systemd1.Manager";
constexpr char const* kManagerPath = "/org/freedesktop/systemd1";
constexpr std::uint64_t kAnswerLimitUs = 10'000'000;
constexpr std::uint64_t kReloadLimitUs = 90'000'000;   // generators have that long (manager.c)

// Of what another user's manager may say.
constexpr std::size_t kLongestText = 4096;       // a path's length
constexpr std::size_t kLongestWords = 300;       // of an error
constexpr std::size_t kLongestInvocation = 16;   // bytes, sd-id128(3)
constexpr int kMostProperties = 2000;            // systemd 257 has some 400 of a service

// What is queued already, and contradicts a new job: a shutdown, or somebody's stop that is under way, is not
// to be undone by a start; a start is by a stop.
constexpr char const* kYield = "fail";
constexpr char const* kReplace = "replace";

// A negative errno, as libsystemd gives it.
Error failed(int result, std::string what) {
    return fail(boost::system::error_code(-result, boost::system::system_category()), std::move(what));
}

Result<std::string> path_of(std::string const& unit) {
    char* made = nullptr;
    if (int const r = ::sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit.c_str(), &made); r < 0)
        return failed(r, "naming " + unit);
    Owned<char, std::free> const path{made};
    return std::string{path.get()};
}

int note(sd_bus_message*, void* flag, sd_bus_error*) {
    *static_cast<bool*>(flag) = true;
    return 0;
}

int keep(sd_bus_message* reply, void* place, sd_bus_error*) {
    static_cast<std::shared_ptr<sd_bus_message>*>(place)->reset(::sd_bus_message_ref(reply),
                                                                ::sd_bus_message_unref);
    return 1;
}

// The properties of a unit as they come, one by one.
class UnitReader {
public:
    // Reads the value where `message` stands; false when this property is not one of ours.
    bool take(std::string_view name, sd_bus_message* message) {
        auto const found = ours_.find(name);
        if (found == ours_.end()) return false;
        found->second(message);
        return true;
    }
    UnitState state() const {
        auto made = state_;
        if (end_us_ > start_us_) made.ran = std::chrono::microseconds{end_us_ - start_us_};
        return made;
    }

private:
    static void text(sd_bus_message* message, std::string& value) {
        char const* read = nullptr;
        if (::sd_bus_message_read(message, "v", "s", &read) > 0) value = one_line(read, kLongestText);
    }
    template <class Number> static void number(sd_bus_message* message, char const* type, Number& value) {
        ::sd_bus_message_read(message, "v", type, &value);
    }
    static void hex(sd_bus_message* message, std::string& value) {
        void const* bytes = nullptr;
        std::size_t length = 0;
        if (::sd_bus_message_enter_container(message, 'v', "ay") <= 0) return;
        ::sd_bus_message_read_array(message, 'y', &bytes, &length);
        for (std::size_t i = 0; i < std::min(length, kLongestInvocation); ++i) {
            auto const byte = static_cast<unsigned char const*>(bytes)[i];
            for (int const digit : {byte >> 4, byte & 15}) value += "0123456789abcdef"[digit];
        }
        ::sd_bus_message_exit_container(message);
    }

    using Take = std::function<void(sd_bus_message*)>;
    UnitState state_;
    std::uint64_t start_us_ = 0, end_us_ = 0;   // CLOCK_MONOTONIC; the end is 0 while it runs
    std::map<std::string_view, Take> const ours_{
        {"LoadState", [this](auto* m) { text(m, state_.load); }},
        {"FragmentPath", [this](auto* m) { text(m, state_.file); }},
        {"ActiveState", [this](auto* m) { text(m, state_.active); }},
        {"SubState", [this](auto* m) { text(m, state_.sub); }},
        {"Result", [this](auto* m) { text(m, state_.result); }},
        {"InvocationID", [this](auto* m) { hex(m, state_.invocation); }},
        {"NRestarts", [this](auto* m) { number(m, "u", state_.restarts); }},
        {"MainPID", [this](auto* m) { number(m, "u", state_.pid); }},
        {"ExecMainCode", [this](auto* m) { number(m, "i", state_.code); }},
        {"ExecMainStatus", [this](auto* m) { number(m, "i", state_.status); }},
        {"ExecMainStartTimestampMonotonic", [this](auto* m) { number(m, "t", start_us_); }},
        {"ExecMainExitTimestampMonotonic", [this](auto* m) { number(m, "t", end_us_); }},
    };
};

Result<UnitState> read_unit(sd_bus_message* message, std::string const& unit) {
    UnitReader reader;
    int r = ::sd_bus_message_enter_container(message, 'a', "{sv}");
    for (int properties = 0; r >= 0; ++properties) {
        r = ::sd_bus_message_enter_container(message, 'e', "sv");
        if (r <= 0) break;
        if (properties == kMostProperties)
            return fail(Errc::too_large, "systemd gives too many properties of " + unit);
        char const* name = nullptr;
        r = ::sd_bus_message_read(message, "s", &name);
        if (r >= 0 && !reader.take(name, message)) r = ::sd_bus_message_skip(message, "v");
        if (r >= 0) r = ::sd_bus_message_exit_container(message);
    }
    if (r < 0) return failed(r, "reading the properties of " + unit);
    auto state = reader.state();
    if (state.active.empty()) return fail(Errc::bad_input, "systemd gives no state of " + unit);
    return state;
}

}   // namespace

Result<SystemdBus>
SystemdBus::open(asio::any_io_executor executor, std::filesystem::path const& socket, unsigned owner) {
    auto const what = "connecting to systemd at " + socket.string();
    sd_bus* made = nullptr;
    if (int const r = ::sd_bus_new(&made); r < 0) return failed(r, what);
    Bus bus{made, ::sd_bus_close_unref};
    int r = ::sd_bus_set_address(made, ("unix:path=" + socket.string()).c_str());
    if (r >= 0) r = ::sd_bus_set_method_call_timeout(made, kAnswerLimitUs);
    if (r >= 0) r = ::sd_bus_start(made);
    if (r < 0) return failed(r, what);
    if (auto ok = served_by(owner, ::sd_bus_get_fd(made), socket); !ok) return fail(ok, what);

    SystemdBus opened{std::move(executor), std::move(bus)};
    // "systemctl mask", "enable", "daemon-reload" end with it.
    if (auto ok = opened.match(kManagerPath, kManager, "Reloading", opened.reloaded_); !ok) return ok.error();
    return opened;
}

SystemdBus::SystemdBus(asio::any_io_executor executor, Bus bus)
    : bus_{std::move(bus)},
      // Of a duplicate: Asio closes what it is given.
      descriptor_{std::make_unique<asio::posix::stream_descriptor>(
          std::move(executor),
          ::fcntl(::sd_bus_get_fd(bus_.get()), F_DUPFD_CLOEXEC, 0))} {}

SystemdBus::SystemdBus(SystemdBus&&) noexcept = default;
SystemdBus& SystemdBus::operator=(SystemdBus&&) noexcept = default;
SystemdBus::~SystemdBus() = default;

Result<void> SystemdBus::match(char const* path, char const* interface, char const* member, Slot& slot) {
    sd_bus_slot* made = nullptr;
    int const r =
        ::sd_bus_match_signal(bus_.get(), &made, nullptr, path, interface, member, note, changed_.get());
    if (r < 0) return failed(r, std::string{"listening for "} + member);
    slot.reset(made, ::sd_bus_slot_unref);
    return {};
}

Result<void> SystemdBus::watch(std::string const& unit) {
    if (watched_.contains(unit)) return {};
    auto const path = path_of(unit);
    if (!path) return path.error();
    return match(path->c_str(), "org.freedesktop.DBus.Properties", "PropertiesChanged", watched_[unit]);
}

Task<Result<void>> SystemdBus::changed() {
    while (!*changed_) {
        auto const ok = co_await step();
        if (!ok) co_return ok.error();
    }
    *changed_ = false;
    co_return Result<void>{};
}

Task<void> SystemdBus::ready(asio::posix::stream_descriptor::wait_type what) {
    co_await descriptor_->async_wait(what, asio::use_awaitable);
}

// Handles one message that has come, or waits for what libsystemd waits for. Either way others have their
// turn then: a peer that talks on and on would have the loop for itself.
Task<Result<void>> SystemdBus::step() {
    int const handled = ::sd_bus_process(bus_.get(), nullptr);
    if (handled < 0) co_return failed(handled, "the connection to systemd has ended");
    auto const executor = co_await asio::this_coro::executor;
    if (handled > 0) {
        co_await asio::post(executor, asio::use_awaitable);
        co_return Result<void>{};
    }

    int const events = ::sd_bus_get_events(bus_.get());
    std::uint64_t until_us = std::numeric_limits<std::uint64_t>::max();
    int const limit = ::sd_bus_get_timeout(bus_.get(), &until_us);
    if (events < 0 || limit < 0)
        co_return failed(std::min(events, limit), "the connection to systemd has ended");

    using Descriptor = asio::posix::stream_descriptor;
    auto const what = (events & POLLOUT) != 0 ? Descriptor::wait_write : Descriptor::wait_read;
    auto is_ready = ready(what);
    if (until_us == std::numeric_limits<std::uint64_t>::max()) {
        co_await std::move(is_ready);
        co_return Result<void>{};
    }
    asio::steady_timer late(executor, asio::steady_timer::time_point{std::chrono::microseconds{until_us}});
    auto is_late = late.async_wait(asio::use_awaitable);
    (void)co_await ends_before(std::move(is_ready), std::move(is_late));
    co_return Result<void>{};
}

Task<Result<SystemdBus::Message>> SystemdBus::answer(Message call, std::uint64_t limit_us) {
    Message reply;
    sd_bus_slot* made = nullptr;
    int const r = ::sd_bus_call_async(bus_.get(), &made, call.get(), keep, &reply, limit_us);
    if (r < 0) co_return failed(r, "asking systemd");
    Slot const slot{made, ::sd_bus_slot_unref};   // a cancelled task is not answered any more
    while (!reply) {
        auto const ok = co_await step();
        if (!ok) co_return ok.error();
    }
    if (::sd_bus_message_is_method_error(reply.get(), nullptr) > 0) {
        auto const* const error = ::sd_bus_message_get_error(reply.get());
        auto words = one_line(error->message ? error->message : error->name, kLongestWords);
        // Made by libsystemd itself, when the connection ends or nobody answers in time.
        int const number = ::sd_bus_message_get_errno(reply.get());
        if (number == ECONNRESET || number == ETIMEDOUT)
            co_return fail(Errc::unreachable, "systemd does not answer: " + words);
        co_return fail(Errc::refused, std::move(words));
    }
    co_return reply;
}

Task<Result<UnitState>> SystemdBus::state(std::string unit) {
    auto const path = path_of(unit);
    if (!path) co_return path.error();
    sd_bus_message* made = nullptr;
    int r = ::sd_bus_message_new_method_call(bus_.get(), &made, nullptr, path->c_str(),
                                             "org.freedesktop.DBus.Properties", "GetAll");
    Message call{made, ::sd_bus_message_unref};
    // No interface: those of Unit and Service in one answer, of one moment.
    if (r >= 0) r = ::sd_bus_message_append(made, "s", "");
    if (r < 0) co_return failed(r, "asking for the state of " + unit);
    auto const reply = co_await answer(std::move(call), kAnswerLimitUs);
    if (!reply) co_return fail(reply, "asking for the state of " + unit);
    co_return read_unit(reply->get(), unit);
}

Task<Result<void>> SystemdBus::order(char const* method, std::string unit, char const* mode) {
    sd_bus_message* made = nullptr;
    int r = ::sd_bus_message_new_method_call(bus_.get(), &made, nullptr, kManagerPath, kManager, method);
    Message call{made, ::sd_bus_message_unref};
    if (r >= 0) r = ::sd_bus_message_append(made, "ss", unit.c_str(), mode);
    if (r < 0) co_return failed(r, std::string{method} + " of " + unit);
    auto const reply = co_await answer(std::move(call), kAnswerLimitUs);
    if (!reply) co_return reply.error();
    co_return Result<void>{};
}

Task<Result<void>> SystemdBus::start(std::string unit) {
    return order("StartUnit", std::move(unit), kYield);
}

Task<Result<void>> SystemdBus::restart(std::string unit) {
    return order("RestartUnit", std::move(unit), kYield);
}

Task<Result<void>> SystemdBus::stop(std::string unit) {
    return order("StopUnit", std::move(unit), kReplace);
}

Task<Result<void>> SystemdBus::reload() {
    sd_bus_message* made = nullptr;
    int const r =
        ::sd_bus_message_new_method_call(bus_.get(), &made, nullptr, kManagerPath, kManager, "Reload");
    Message call{made, ::sd_bus_message_unref};
    if (r < 0) co_return failed(r, "asking systemd to read its files again");
    auto const reply = co_await answer(std::move(call), kReloadLimitUs);
    if (!reply) co_return fail(reply, "having systemd read its files again");
    co_return Result<void>{};
}

}   // namespace core
