#pragma once
// A network namespace of this test's own; the thread is back in its old one when the test ends. Needs root: a
// test that cannot have one fails, with a sentence that says so.

#include "core/owned.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <sched.h>

#include <cstdlib>
#include <string>

namespace test {

class NetworkNamespace {
public:
    NetworkNamespace() {
        if (!before_ || ::unshare(CLONE_NEWNET) != 0)
            FAIL("this test needs a network namespace of its own: run it as root, with CAP_SYS_ADMIN");
        shell("ip link set lo up");
    }
    ~NetworkNamespace() { ::setns(before_.get(), CLONE_NEWNET); }
    NetworkNamespace(NetworkNamespace const&) = delete;
    NetworkNamespace& operator=(NetworkNamespace const&) = delete;

    void shell(std::string const& command) const {
        INFO(command);
        REQUIRE(std::system(command.c_str()) == 0);
    }
    bool succeeds(std::string const& command) const {
        return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
    }

private:
    core::OwnedFd before_{::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)};
};

}   // namespace test
