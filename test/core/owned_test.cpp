#include "core/owned.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>

#include <string>
#include <utility>

namespace {

bool is_open(int fd) {
    return ::fcntl(fd, F_GETFD) >= 0;
}
core::OwnedFd opened() {
    return core::OwnedFd{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
}

std::string released;
struct Handle {
    char name;
};
void give_back(Handle* handle) {
    released += handle->name;
}

}   // namespace

TEST_CASE("a file descriptor is closed once, by its last owner") {
    int number = -1;
    {
        auto first = opened();
        number = first.get();
        core::OwnedFd second{std::move(first)};
        CHECK(!first);
        CHECK(is_open(number));
        core::OwnedFd third;
        third = std::move(second);
        CHECK(third.get() == number);
    }
    CHECK(!is_open(number));
}

TEST_CASE("a released file descriptor stays open") {
    int number = -1;
    {
        auto fd = opened();
        number = fd.release();
        CHECK(!fd);
    }
    CHECK(is_open(number));
    ::close(number);
}

TEST_CASE("an owner that takes another descriptor closes its own") {
    auto first = opened();
    int const old = first.get();
    first = opened();
    CHECK(first);
    CHECK(!is_open(old));
}

TEST_CASE("handles are given back in the reverse order of their acquisition") {
    released.clear();
    Handle a{'a'}, b{'b'};
    {
        core::Owned<Handle, give_back> const first{&a};
        core::Owned<Handle, give_back> const second{&b};
        core::Owned<Handle, give_back> const none;
    }
    CHECK(released == "ba");
}
