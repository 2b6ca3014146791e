#pragma once
// A child process held by a pidfd: its end is an event on the loop, without SIGCHLD.

#include "core/owned.hpp"
#include "core/result.hpp"
#include "core/task.hpp"

#include <sys/types.h>

#include <string>
#include <vector>

namespace core {

struct Child {
    pid_t pid = 0;
    OwnedFd pidfd;
};

struct ChildStreams {
    int standard_output = -1;   // -1: inherited
    int standard_error = -1;
};

// In its own process group, with all signals at their defaults and no descriptor but the first three. Errors:
// not_found (no such program), errno's.
Result<Child> spawn(std::vector<std::string> const& argv, ChildStreams streams = {});

// Waits for the end and reaps it: the exit code, or 128 + signal. A cancelled wait leaves the child alone.
Task<int> wait_for_end(Child const& child);

// SIGTERM, then SIGKILL after `patience_s`; returns when the process has ended. It need not be a child of
// ours. A cancelled wait leaves it with the signals it has been sent.
Task<void> end_process(Child const& process, int patience_s);

// Ends a child that has not been waited for, and all that it started in its process group; reaps it. Not
// interrupted by a cancellation, and leaves cancellation switched off: call it in a task of its own, and
// switch cancellation off before the call if that task may have been cancelled (docs/traps.md, 7).
Task<void> end_child(Child const& child, int patience_s);

}   // namespace core
