#include "core/served_by.hpp"

#include "core/owned.hpp"

#include <doctest/doctest.h>

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace {

core::OwnedFd unix_socket() {
    return core::OwnedFd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
}

}   // namespace

TEST_CASE("a socket is used when the user who is to serve it does, and nobody else's is") {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    core::OwnedFd const ours{ends[0]}, other{ends[1]};
    auto const uid = ::geteuid();
    CHECK(core::served_by(uid, ours.get(), "/run/x"));

    auto const another = core::served_by(uid + 1, ours.get(), "/run/x");
    REQUIRE_FALSE(another);
    CHECK(another.error().text() == "/run/x is served by user " + std::to_string(uid) + " and not by user " +
                                        std::to_string(uid + 1) + ", so it is not used [refused]");
}

TEST_CASE("a socket that leads to nobody is told from one that is another's") {
    auto const unconnected = unix_socket();
    auto const nobody = core::served_by(::geteuid(), unconnected.get(), "/run/x");
    REQUIRE_FALSE(nobody);
    CHECK(nobody.error().text() == "nobody takes connections at /run/x [unreachable]");

    auto const closed = core::served_by(::geteuid(), -1, "/run/x");
    REQUIRE_FALSE(closed);
    CHECK(closed.error().code == boost::system::error_code(EBADF, boost::system::system_category()));
}
