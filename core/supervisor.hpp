#pragma once
// Keeps each named task alive, later each time, and ends them all in the reverse order of their adding when
// it is cancelled itself. The only place, with main, that catches exceptions.

#include "core/backoff.hpp"
#include "core/clock.hpp"
#include "core/log.hpp"

#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace core {

class Supervisor {
public:
    using Start = std::function<Task<void>()>;

    Supervisor(Clock& clock, Log log, Backoff backoff = {})
        : clock_{clock}, log_{std::move(log)}, backoff_{backoff} {}

    // Before run(). A task that returns or throws is started again.
    void add(std::string name, Start start) { services_.push_back({std::move(name), std::move(start), {}}); }

    // Until cancelled; then every task has ended when it returns.
    Task<void> run();

    // Cancels a task that runs, and starts it again when it has ended. One that has never been added, or is
    // between two runs, is left as it is.
    void restart(std::string const& name);

private:
    struct Service {
        std::string name;
        Start start;
        std::optional<asio::steady_timer> restart;   // never rings; cancelled: start again
    };
    Task<void> keep_alive(Service& service);

    Clock& clock_;
    Log log_;
    Backoff backoff_;
    std::vector<Service> services_;
};

}   // namespace core
