#pragma once
// Keeps each named task alive, later each time, and ends them all in the reverse order of their adding when
// it is cancelled itself. The only place, with main, that catches exceptions.

#include "core/backoff.hpp"
#include "core/clock.hpp"
#include "core/log.hpp"

#include <functional>
#include <string>
#include <vector>

namespace core {

class Supervisor {
public:
    using Start = std::function<Task<void>()>;

    Supervisor(Clock& clock, Log log, Backoff backoff = {})
        : clock_{clock}, log_{std::move(log)}, backoff_{backoff} {}

    // Before run(). A task that returns or throws is started again.
    void add(std::string name, Start start) { services_.push_back({std::move(name), std::move(start)}); }

    // Until cancelled; then every task has ended when it returns.
    Task<void> run();

private:
    struct Service {
        std::string name;
        Start start;
    };
    Task<void> keep_alive(Service const& service);

    Clock& clock_;
    Log log_;
    Backoff backoff_;
    std::vector<Service> services_;
};

}   // namespace core
