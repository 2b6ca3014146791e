#include "health/prober.hpp"

#include "support/fake_clock.hpp"

#include <boost/asio/co_spawn.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <optional>

using namespace std::chrono_literals;

TEST_CASE("the baseline of an update names what fails for a while, not what failed once") {
    core::asio::io_context io;
    test::FakeClock clock{io};
    core::StateBus state{io.get_executor(), core::DeviceState{}};
    health::Prober prober{clock, state, {.address = core::Ipv4{127u << 24 | 1}, .prefix = 8}, ""};
    std::optional<std::vector<std::string>> failing;
    core::asio::co_spawn(io, prober.failing(), [&](std::exception_ptr, std::vector<std::string> names) {
        failing = std::move(names);
    });
    clock.settle();   // nothing runs yet
    core::Writer<&core::DeviceState::services> services{state};
    services.set({{"dnsmasq", {.running = true, .pid = 7, .starts = 1}}});
    for (int i = 0; i < 60 && !failing; ++i) clock.advance(1s);
    REQUIRE(failing);
    CHECK(std::ranges::find(*failing, "dnsmasq") == failing->end());
    CHECK(std::ranges::find(*failing, "chronyd") != failing->end());
    CHECK(std::ranges::find(*failing, "dhcp") != failing->end());   // nobody serves it here
}
