#include "platform/reboot_path.hpp"

#include "support/fake_board.hpp"
#include "support/fake_clock.hpp"
#include "support/run_task.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using platform::RebootStep;

TEST_CASE("a reboot is orderly, then forced, then the watchdog's") {
    struct {
        char const* name;
        core::Duration since_asked;
        RebootStep want;
    } const cases[] = {{"at once", 0s, RebootStep::orderly},
                       {"asked again", 59s, RebootStep::orderly},
                       {"it has not come within a minute", 60s, RebootStep::force},
                       {"nor by force", 89s, RebootStep::force},
                       {"nor within half a minute more", 90s, RebootStep::starve},
                       {"for ever", 1000h, RebootStep::starve}};
    for (auto const& c : cases) {
        CAPTURE(c.name);
        CHECK(platform::reboot_step(c.since_asked) == c.want);
    }
}

TEST_CASE("who asks for a reboot every minute gets it by harder and harder means") {
    core::asio::io_context io;
    test::FakeClock clock{io};
    test::FakeBoard board;
    std::string story;
    platform::RebootPath path{board,
                              clock,
                              {.force = [&](std::string why) -> core::Task<core::Result<void>> {
                                   story += "force(" + why + ") ";
                                   co_return core::Result<void>{};
                               },
                               .starve = [&] { story += "starve "; }}};
    CHECK(*path.booted_slot() == core::Slot::a);
    CHECK(*path.boot_id() == "boot-1");
    CHECK(path.name() == "fake");
    for (int asked = 0; asked < 3; ++asked) {
        CHECK(test::run_task(io, path.reboot("trial")).has_value());
        clock.advance(60s);
    }
    CHECK(board.reboots == std::vector<std::string>{"trial"});
    CHECK(story == "force(trial) starve force(trial) ");
}
