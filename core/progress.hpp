#pragma once
// Which tasks are at work on something that must end within a limit. A task that only waits for events is not
// in here: it is alive as long as the loop runs.
//
//     auto const busy = progress.busy("firewall", "replacing the table", 10s);   // until the end of the
//     scope
//
// The task's name is the supervisor's. Nobody is interrupted: core/heartbeat.hpp looks at what is overdue.
//
// Watched are rounds of probes, calls of the boot environment, systemd's answers, looks at containers and the
// kernel's lists of links. Not watched, because something else notices: nftables and state files block the
// loop, and with it the heartbeat; programs that are run are killed at a limit of their own; a download has a
// limit and a least rate; the status server waits for others. A call on <data> or of a slot's device that
// hangs cannot be ended by ending this process, so health/data_look.hpp shows it instead.

#include "core/clock.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace core {

struct Operation {
    std::uint64_t id = 0;   // never used again
    std::string task;
    std::string what;
    TimePoint since{};
    Duration limit{};
    bool operator==(Operation const&) const = default;
};

class Progress {
public:
    explicit Progress(Clock const& clock) : clock_{clock} {}
    Progress(Progress const&) = delete;

    class Busy {
    public:
        Busy(Progress& progress, std::uint64_t id) : progress_{progress}, id_{id} {}
        Busy(Busy&& other) noexcept : progress_{other.progress_}, id_{std::exchange(other.id_, 0)} {}
        ~Busy() { progress_.running_.erase(id_); }   // no operation has the id 0

    private:
        Progress& progress_;
        std::uint64_t id_;
    };

    [[nodiscard]] Busy busy(std::string task, std::string what, Duration limit) {
        auto const id = next_++;
        running_.emplace(id, Operation{id, std::move(task), std::move(what), clock_.now(), limit});
        return {*this, id};
    }
    // Those that have outlived their limit, the oldest first.
    std::vector<Operation> overdue() const {
        std::vector<Operation> late;
        for (auto const& [id, operation] : running_)
            if (clock_.now() - operation.since > operation.limit) late.push_back(operation);
        return late;
    }

private:
    Clock const& clock_;
    std::uint64_t next_ = 1;
    std::map<std::uint64_t, Operation> running_;
};

// `task` is busy with `what` until `work` has ended, however it ends.
template <class T>
Task<T> watched(Progress& progress, std::string task, std::string what, Duration limit, Task<T> work) {
    auto const busy = progress.busy(std::move(task), std::move(what), limit);
    co_return co_await std::move(work);
}

}   // namespace core
