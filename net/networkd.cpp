#include "net/networkd.hpp"

#include "core/files.hpp"

namespace net {
namespace {

using core::Level;
using Words = std::vector<std::string>;

constexpr auto kTellAgain = std::chrono::seconds{10};
constexpr auto kLimit = std::chrono::seconds{60};   // of one command
constexpr auto kLookAgain = std::chrono::hours{1};
constexpr std::size_t kLongestTold = 1024 * 1024;

// networkd reconfigures every interface whose file is another one. networkctl needs the message bus; a
// restart does not, and keeps addresses and leases. One that does not run reads its files when it starts. Who
// is slow, as all are while a device boots, is asked again and not restarted: a restart counts in a trial.
std::vector<Words> const kCommands{{"/usr/bin/networkctl", "reload"},
                                   {"/usr/bin/systemctl", "try-restart", "systemd-networkd.service"}};

std::string in_one_text(std::vector<NetworkFile> const& files) {
    std::string text;
    for (auto const& [name, content] : files) text += "== " + name + '\n' + content;
    return text;
}

}   // namespace

Networkd::Networkd(core::Clock& clock,
                   core::Processes& processes,
                   core::Writer<&core::DeviceState::network> network,
                   core::Log log,
                   std::vector<NetworkFile> wanted,
                   NetworkdPlaces places)
    : clock_{clock},
      processes_{processes},
      network_{network},
      log_{std::move(log)},
      wanted_{std::move(wanted)},
      places_{std::move(places)} {}

Task<void> Networkd::run() {
    for (;;) {
        auto const applied = co_await apply();
        auto const why = applied ? std::string{} : applied.error().text();
        if (why != network_.now().error && !why.empty())
            log_(Level::warning, "networkd is not set up, will retry", {{"why", why}});
        network_.change([&](core::NetworkSetup& setup) { setup = {.applied = why.empty(), .error = why}; });
        auto const pause = applied ? core::Duration{kLookAgain} : core::Duration{kTellAgain};
        co_await clock_.sleep_for(pause);
    }
}

Task<Result<void>> Networkd::apply() {
    auto const is_changed = write_network_files(places_.directory, wanted_);
    if (!is_changed) co_return is_changed.error();
    if (*is_changed)
        if (auto ok = core::remove_file(places_.told); !ok) co_return ok;
    auto const wanted = in_one_text(wanted_);
    if (auto const told = core::read_file(places_.told, kLongestTold); told && *told == wanted)
        co_return Result<void>{};
    auto const reloaded = co_await reload();
    if (!reloaded) co_return reloaded.error();
    log_(Level::notice, "networkd has read its files", {{"files", std::to_string(wanted_.size())}});
    co_return core::replace_file(places_.told, wanted);
}

Task<Result<void>> Networkd::reload() {
    Result<void> last;
    for (auto const& words : kCommands) {
        core::Command command;
        command.argv = words;
        command.limit = kLimit;
        auto const done = co_await processes_.run(std::move(command));
        if (done && done->status == 0) co_return Result<void>{};
        auto const what = words[0] + ' ' + words[1];
        if (done)
            last =
                core::fail(core::Errc::refused, what + " ended with status " + std::to_string(done->status));
        else
            last = fail(done, "running " + what);
        if (!done && done.error().is(core::Errc::timed_out)) break;
    }
    co_return last;
}

}   // namespace net
