#pragma once
// Whether chrony vouches for the wall clock.

#include "core/processes.hpp"
#include "core/result.hpp"
#include "core/task.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace net {

// Of one line of `chronyc -c tracking`: synchronised to a server, not to the gateway's own clock, which
// chronyd serves as stratum 10 while it knows nothing better (`local`). A source of stratum 10 or more is
// such a clock elsewhere. Pure. Errors: bad_input.
core::Result<bool> is_synchronised(std::string_view tracking);

class ChronyTime {
public:
    // `socket`: absolute, chronyc takes anything else for a host name.
    ChronyTime(core::Processes& processes, std::filesystem::path chronyc, std::filesystem::path socket)
        : processes_{processes}, chronyc_{std::move(chronyc)}, socket_{std::move(socket)} {}

    // False also when chronyd does not answer.
    core::Task<bool> synchronised();

private:
    core::Processes& processes_;
    std::filesystem::path chronyc_;
    std::filesystem::path socket_;
};

}   // namespace net
