#pragma once
// Keeps DeviceState::resolver what resolv.conf says.

#include "core/clock.hpp"
#include "core/device_state.hpp"
#include "core/log.hpp"

#include <filesystem>

namespace net {

class ResolverWatcher {
public:
    ResolverWatcher(core::Clock& clock,
                    core::Writer<&core::DeviceState::resolver> resolver,
                    core::Log log,
                    std::filesystem::path file)
        : clock_{clock}, resolver_{resolver}, log_{std::move(log)}, file_{std::move(file)} {}

    // A file that is not there means that nobody is asked. Returns, after a warning, when it can no longer be
    // watched: to be started again, later.
    core::Task<void> run();

private:
    void look();

    core::Clock& clock_;
    core::Writer<&core::DeviceState::resolver> resolver_;
    core::Log log_;
    std::filesystem::path file_;
};

}   // namespace net
