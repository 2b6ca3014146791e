#pragma once
// Probes and judges: in a trial at every interval until there is a verdict; otherwise a round every five
// minutes and after each change of links, services, firewall or forwarding, of which nothing follows but what
// the status shows. After a change of how containers do as well, but not more than once a minute: one that
// crashes for ever would wear out the flash that the probes write to.
// The first round waits for the links to have been read and for the LAN's carrier, 5 s at the most.

#include "core/clock.hpp"
#include "core/device_state.hpp"
#include "core/log.hpp"
#include "health/course.hpp"
#include "health/judge.hpp"

#include <functional>

namespace health {

class Monitor {
public:
    using Round = std::function<core::Task<std::vector<core::Reading>>()>;

    Monitor(core::Clock& clock,
            core::StateBus& state,
            core::Writer<&core::DeviceState::health> health,
            core::Log log,
            Round round,
            Rules rules,
            core::Duration trial_interval);

    core::Task<void> run();

private:
    core::Task<void> links_are_read();
    core::Task<void> watch_trial();
    core::Task<void> watch_ordinary();
    core::Task<void> changed_from(std::shared_ptr<core::DeviceState const> seen);
    core::Task<void> containers_changed_from(std::shared_ptr<core::DeviceState const> seen,
                                             core::TimePoint asked);
    core::Task<void> changed_or_time(std::shared_ptr<core::DeviceState const> seen, core::TimePoint asked);
    void tell_condition(core::Condition before);
    void tell(core::Health next);

    core::Clock& clock_;
    core::StateBus& state_;
    core::Writer<&core::DeviceState::health> health_;
    core::Log log_;
    Round round_;
    Rules rules_;
    core::Duration trial_interval_;
    Course course_;   // of a slot that is not on trial
};

}   // namespace health
