#include "platform/status_led.hpp"

#include "core/files.hpp"
#include "support/fake_clock.hpp"
#include "support/log_lines.hpp"
#include "support/temporary_directory.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <doctest/doctest.h>

using core::Condition;
using core::Phase;
using platform::LedPattern;

namespace {

core::DeviceState state_of(Phase phase, Condition condition) {
    core::DeviceState state;
    state.update.phase = phase;
    state.health.condition = condition;
    return state;
}

// As the kernel has them for a gpio LED once a trigger was set; a plain file keeps all that is written.
struct Led {
    test::TemporaryDirectory directory;
    Led() {
        for (auto const* name : {"trigger", "brightness", "delay_on", "delay_off"})
            REQUIRE(core::replace_file(directory / name, "").has_value());
    }
    std::string written(char const* name) { return *core::read_file(directory / name, 100); }
};

}   // namespace

TEST_CASE("the led is steady when all is well, slow in a trial and fast when somebody should look") {
    struct {
        char const* name;
        Phase phase;
        Condition condition;
        LedPattern want;
    } const cases[] = {{"well", Phase::idle, Condition::good, LedPattern::on},
                       {"committed and well", Phase::committed, Condition::good, LedPattern::on},
                       {"a download disturbs nobody", Phase::downloading, Condition::good, LedPattern::on},
                       {"just started", Phase::idle, Condition::unknown, LedPattern::slowly},
                       {"before the reboot", Phase::activated, Condition::good, LedPattern::slowly},
                       {"a trial", Phase::trial, Condition::unknown, LedPattern::slowly},
                       {"degraded", Phase::idle, Condition::degraded, LedPattern::fast},
                       {"failed", Phase::committed, Condition::failed, LedPattern::fast},
                       {"rolled back", Phase::rolled_back, Condition::good, LedPattern::fast}};
    for (auto const& c : cases) {
        CAPTURE(c.name);
        CHECK(platform::led_pattern(state_of(c.phase, c.condition)) == c.want);
    }
}

TEST_CASE_FIXTURE(Led, "the kernel is told to blink, or to be on") {
    CHECK(platform::show(directory.path(), LedPattern::slowly).has_value());
    CHECK(written("trigger") == "timer");
    CHECK(written("delay_on") == "1000");
    CHECK(written("delay_off") == "1000");
    CHECK(written("brightness") == "");
    CHECK(platform::show(directory.path(), LedPattern::on).has_value());
    CHECK(written("trigger") == "timernone");
    CHECK(written("brightness") == "1");
}

TEST_CASE_FIXTURE(Led, "an led follows the state, is written once for each pattern, and is missed once") {
    core::asio::io_context io;
    test::FakeClock clock{io};
    auto const lines = std::make_shared<test::LogLines>();
    core::StateBus state{io.get_executor(), core::DeviceState{}};
    core::asio::cancellation_signal stop;
    core::asio::co_spawn(io, platform::keep_led(directory.path(), state, {lines, "led"}),
                         core::asio::bind_cancellation_slot(stop.slot(), [](std::exception_ptr) {}));
    core::Writer<&core::DeviceState::health> health{state};
    clock.settle();
    health.set({.condition = Condition::good});
    clock.settle();
    health.set({.reason = "another fact", .condition = Condition::good});
    clock.settle();
    CHECK(written("trigger") == "timernone");
    CHECK(written("brightness") == "1");
    CHECK(lines->lines.empty());

    std::filesystem::remove(directory / "trigger");
    health.set({.condition = Condition::failed});
    clock.settle();
    REQUIRE(lines->lines.size() == 1);
    CHECK(lines->contains("led: the led does not show how the device is why=\"opening "));
    stop.emit(core::asio::cancellation_type::terminal);
    clock.settle();
}
