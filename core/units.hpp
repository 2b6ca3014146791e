#pragma once
// What a systemd is told and asked, by whom it need not be a real one (core/systemd_bus.hpp is).
//
// Not for two tasks at once.

#include "core/result.hpp"
#include "core/systemd_unit.hpp"
#include "core/task.hpp"

#include <string>

namespace core {

class Units {
public:
    virtual ~Units() = default;

    // From now on changed() tells of changes of this unit.
    virtual Result<void> watch(std::string const& unit) = 0;
    // Returns when a watched unit, or the set of unit files, has changed since it returned last. It tells
    // more often than there is a difference: look at state(). Fails when the connection has ended.
    virtual Task<Result<void>> changed() = 0;

    // A unit that is not there has a state as well. Errors: errno's, unreachable (also after 10 s without an
    // answer).
    virtual Task<Result<UnitState>> state(std::string unit) = 0;

    // Ask for a job, and do not wait for its end; one that contradicts a job that waits is refused.
    // Errors: those of state(), and refused, with systemd's words.
    virtual Task<Result<void>> start(std::string unit) = 0;
    virtual Task<Result<void>> restart(std::string unit) = 0;
    // The same, but a start that is under way is given up for it.
    virtual Task<Result<void>> stop(std::string unit) = 0;

    // Has systemd read all unit files again and run its generators; returns when that is done, within 90 s.
    virtual Task<Result<void>> reload() = 0;
};

}   // namespace core
