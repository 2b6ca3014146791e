#pragma once
// A supervisor on a clock that stands still, and what it logs.

#include "core/supervisor.hpp"
#include "support/fake_clock.hpp"
#include "support/log_lines.hpp"

namespace test {

struct SupervisedWorld {
    core::asio::io_context io;
    FakeClock clock{io};
    std::shared_ptr<LogLines> log = std::make_shared<LogLines>();
    core::Supervisor supervisor{clock, core::Log{log, "core"}};
    core::TimePoint begin = clock.now();

    long long seconds() const { return core::count_s(clock.now() - begin); }
};

}   // namespace test
