#pragma once
// The Linux watchdog API (linux/watchdog.h, Documentation/watchdog/watchdog-api.rst). Owns the open device;
// one that is destroyed while it is open is stopped.

#include "core/owned.hpp"
#include "core/watchdog.hpp"

#include <filesystem>

namespace platform {

class LinuxWatchdog final : public core::WatchdogDevice {
public:
    explicit LinuxWatchdog(std::filesystem::path device) : device_{std::move(device)} {}
    ~LinuxWatchdog() override { close(); }

    std::string name() const override { return device_.string(); }
    core::Result<Facts> open() override;
    core::Result<core::Duration> set_timeout(core::Duration wanted) override;
    core::Result<core::Duration> time_left() override;
    core::Result<void> feed() override;
    void close() noexcept override;
    void abandon() noexcept override { fd_ = core::OwnedFd{}; }

private:
    std::filesystem::path device_;
    core::OwnedFd fd_;
    bool can_warn_ = false;
};

}   // namespace platform
