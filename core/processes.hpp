#pragma once
// Runs a program to its end, with a time limit. Nothing here goes through a shell.

#include "core/result.hpp"
#include "core/task.hpp"
#include "core/time.hpp"

#include <string>
#include <vector>

namespace core {

struct Command {
    std::vector<std::string> argv;               // argv[0] is an absolute path
    Duration limit = std::chrono::seconds{10};   // then SIGKILL, and Errc::timed_out
};

struct Finished {
    int status = 0;       // exit code, or 128 + signal
    std::string output;   // standard output, its first 64 KiB
};

class Processes {
public:
    virtual ~Processes() = default;
    // Errors: not_found (no such program), timed_out, io. A non-zero exit is a success here.
    virtual Task<Result<Finished>> run(Command command) = 0;
};

class SystemProcesses final : public Processes {
public:
    Task<Result<Finished>> run(Command command) override;
};

}   // namespace core
