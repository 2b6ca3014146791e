// atomix_install_bundle BUNDLE KEYRING BOOT ROOTFS [FW_ENV_CONFIG SLOT]: installs a bundle file as atomixd
// would, for tests that compare us with RAUC. BOOT and ROOTFS are the slot's devices or files; with an
// environment SLOT (A or B) is marked bad before the first byte and activated after the last.

#include "core/clock.hpp"
#include "ota/local_copies.hpp"
#include "ota/uboot_env.hpp"
#include "support/memory_http.hpp"
#include "support/run_task.hpp"

#include <cstdio>
#include <fstream>
#include <iterator>

namespace {

using core::Result;
using core::Task;

constexpr int kAttempts = 3;

struct Order {
    std::string bundle, keyring;
    ota::SlotTargets targets;
    std::string environment;   // empty: none
    core::Slot slot = core::Slot::b;
};

struct Machine {
    core::Clock& clock;
    core::Workers& workers;
    core::HttpClient& http;
};

using Change = ota::BootState (*)(ota::BootState, core::Slot, int);

// As UpdateTask::give_up_spare and UpdateTask::activate.
Task<Result<void>> change_environment(core::Workers& workers, Order order, Change change) {
    if (order.environment.empty()) co_return Result<void>{};
    ota::UbootEnv environment{workers, order.environment, kAttempts};
    auto const now = co_await environment.read();
    if (!now) co_return now.error();
    auto const wanted = change(*now, order.slot, kAttempts);
    co_return co_await environment.write(wanted);
}

Task<Result<void>> install(Machine machine, Order order) {
    ota::BundleSource source;
    source.url = "https://file/" + order.bundle;
    source.judge_at = machine.clock.wall_now();
    ota::SignerRules signers;
    signers.keyring = order.keyring;
    auto const head = co_await ota::fetch_head(machine.http, source, signers);
    if (!head) co_return head.error();
    if (auto const fits = ota::check_targets(head->manifest, order.targets); !fits) co_return fits.error();
    ota::Patience const patience;
    auto const plan =
        co_await ota::fetch_plan(machine.http, machine.clock, machine.workers, source, *head, patience);
    if (!plan) co_return plan.error();

    auto mark_bad = [&] { return change_environment(machine.workers, order, ota::with_marked_bad); };
    ota::WriteSteps steps;
    steps.before_first_byte = std::move(mark_bad);
    steps.progress = [](ota::WriteProgress) {};
    auto const found = ota::nothing_found(**plan);
    auto const written = co_await ota::write_images(machine.http, machine.clock, machine.workers, source,
                                                    *plan, order.targets, found, patience, std::move(steps));
    if (!written) co_return written.error();
    co_return co_await change_environment(machine.workers, order, ota::with_activated);
}

}   // namespace

int main(int count, char** words) {
    if (count != 5 && count != 7) {
        std::fputs("atomix_install_bundle BUNDLE KEYRING BOOT ROOTFS [FW_ENV_CONFIG SLOT]\n", stderr);
        return 2;
    }
    Order order{.bundle = words[1], .keyring = words[2], .targets = {words[3], words[4]}, .environment = {}};
    if (count == 7) {
        order.environment = words[5];
        order.slot = core::slot_named(words[6]).value_or(order.slot);
    }
    test::MemoryHttp http;
    std::ifstream in{order.bundle, std::ios::binary};
    http.file.assign(std::istreambuf_iterator<char>{in}, {});

    core::asio::io_context io;
    core::SystemClock clock;
    core::Workers workers{2};
    auto const done = test::run_task(io, install({clock, workers, http}, order));
    if (!done) std::fprintf(stderr, "%s\n", done.error().text().c_str());
    return done ? 0 : 1;
}
