#pragma once
// One guard per acquisition of a C library or the kernel, released in reverse order.

#include <unistd.h>

#include <memory>
#include <utility>

namespace core {

template <auto give_back> struct GiveBack {
    void operator()(auto* handle) const noexcept { give_back(handle); }
};
template <class T, auto give_back> using Owned = std::unique_ptr<T, GiveBack<give_back>>;

class OwnedFd {
public:
    OwnedFd() = default;
    explicit OwnedFd(int fd) : fd_{fd} {}
    OwnedFd(OwnedFd&& from) noexcept : fd_{std::exchange(from.fd_, -1)} {}
    OwnedFd& operator=(OwnedFd&& from) noexcept {
        std::swap(fd_, from.fd_);
        return *this;
    }
    ~OwnedFd() {
        if (fd_ >= 0) ::close(fd_);
    }

    int get() const noexcept { return fd_; }
    int release() noexcept { return std::exchange(fd_, -1); }
    explicit operator bool() const noexcept { return fd_ >= 0; }

private:
    int fd_ = -1;
};

}   // namespace core
