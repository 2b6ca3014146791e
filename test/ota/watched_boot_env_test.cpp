#include "ota/watched_boot_env.hpp"

#include "support/fake_clock.hpp"

#include <boost/asio/co_spawn.hpp>
#include <doctest/doctest.h>

using namespace std::chrono_literals;

namespace {

// An environment on a device that takes five minutes to answer.
struct SlowEnv final : ota::BootEnv {
    core::Clock& clock;
    explicit SlowEnv(core::Clock& with) : clock{with} {}
    ota::Task<ota::Result<ota::BootState>> read() override {
        co_await clock.sleep_for(5min);
        co_return ota::BootState{.left_a = 3};
    }
    ota::Task<ota::Result<void>> write(ota::BootState) override {
        co_await clock.sleep_for(5min);
        co_return core::fail(core::Errc::io, "slow");
    }
};

}   // namespace

TEST_CASE("a boot environment that does not answer is known to be overdue, and answers as it did") {
    core::asio::io_context io;
    test::FakeClock clock{io};
    core::Progress progress{clock};
    SlowEnv slow{clock};
    ota::WatchedBootEnv env{slow, progress, "life cycle"};
    int left = 0;
    std::string error;
    ota::BootState const wanted;
    auto use = [&]() -> core::Task<void> {
        auto const read = co_await env.read();
        if (read) left = read->left_a;
        auto const written = co_await env.write(wanted);
        if (!written) error = written.error().text();
    };
    core::asio::co_spawn(io, use(), [](std::exception_ptr) {});
    clock.advance(59s);
    CHECK(progress.overdue().empty());
    clock.advance(2s);
    REQUIRE(progress.overdue().size() == 1);
    CHECK(progress.overdue()[0].task == "life cycle");
    CHECK(progress.overdue()[0].what == "reading the boot environment");
    clock.advance(4min);
    CHECK(left == 3);
    CHECK(progress.overdue().empty());
    clock.advance(1min);
    REQUIRE(progress.overdue().size() == 1);
    CHECK(progress.overdue()[0].what == "writing the boot environment");
    clock.advance(4min);
    CHECK(error == "slow [input/output]");
    CHECK(progress.overdue().empty());
}
