#include "platform/linux_watchdog.hpp"

#include <linux/watchdog.h>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace platform {
namespace {

using std::chrono::seconds;

constexpr int kWarnBefore = 5;   // seconds

}   // namespace

core::Result<core::WatchdogDevice::Facts> LinuxWatchdog::open() {
    core::OwnedFd fd{::open(device_.c_str(), O_WRONLY | O_CLOEXEC)};
    if (!fd) return core::fail_errno("opening the watchdog " + name());
    watchdog_info info{};
    // Before it is ours: what is no watchdog is not written to.
    if (::ioctl(fd.get(), WDIOC_GETSUPPORT, &info) != 0)
        return core::fail(core::Errc::refused, name() + " is no watchdog");
    int status = 0;
    bool const known = ::ioctl(fd.get(), WDIOC_GETBOOTSTATUS, &status) == 0;
    fd_ = std::move(fd);
    can_warn_ = (info.options & WDIOF_PRETIMEOUT) != 0;
    auto const* const words = reinterpret_cast<char const*>(info.identity);
    std::string identity{words, ::strnlen(words, sizeof info.identity)};
    return Facts{.identity = std::move(identity), .reset_us = known && (status & WDIOF_CARDRESET) != 0};
}

core::Result<core::Duration> LinuxWatchdog::set_timeout(core::Duration wanted) {
    int timeout = static_cast<int>(core::count_s(wanted));
    if (::ioctl(fd_.get(), WDIOC_SETTIMEOUT, &timeout) != 0)
        return core::fail_errno("setting the timeout of " + name());
    if (::ioctl(fd_.get(), WDIOC_GETTIMEOUT, &timeout) != 0)
        return core::fail_errno("reading the timeout of " + name());
    // A warning in the kernel's log is worth having, and no more: a driver that refuses it is as good.
    int before = std::min(kWarnBefore, timeout / 2);
    if (can_warn_) ::ioctl(fd_.get(), WDIOC_SETPRETIMEOUT, &before);
    return seconds{timeout};
}

core::Result<core::Duration> LinuxWatchdog::time_left() {
    int left = 0;
    if (::ioctl(fd_.get(), WDIOC_GETTIMELEFT, &left) != 0)
        return core::fail_errno("asking " + name() + " how much time is left");
    return seconds{left};
}

core::Result<void> LinuxWatchdog::feed() {
    if (::ioctl(fd_.get(), WDIOC_KEEPALIVE, nullptr) != 0) return core::fail_errno("feeding " + name());
    return {};
}

void LinuxWatchdog::close() noexcept {
    if (!fd_) return;
    // The magic character: without it the driver takes the end of this program for a crash.
    [[maybe_unused]] auto const written = ::write(fd_.get(), "V", 1);
    fd_ = core::OwnedFd{};
}

}   // namespace platform
