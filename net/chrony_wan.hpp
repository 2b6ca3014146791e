#pragma once
// Tells chronyd whether its servers can be reached, so that it does not ask in vain, and asks at once when
// the WAN is back.
//
// consumes DeviceState::links.wan, and services "chronyd": one that was started anew knows nothing of it.

#include "core/clock.hpp"
#include "core/device_state.hpp"
#include "core/log.hpp"
#include "core/processes.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace net {

// What chronyd is to be told; nothing while it does not run. Equal ones need no telling twice. Pure.
struct ChronyOrder {
    bool online = false;
    unsigned start = 0;   // of chronyd: Service::starts
    bool operator==(ChronyOrder const&) const = default;
};
std::optional<ChronyOrder> chrony_order(core::DeviceState const& state);

class ChronyWan {
public:
    // `socket`: absolute, chronyc takes anything else for a host name.
    ChronyWan(core::Clock& clock,
              core::StateBus& state,
              core::Processes& processes,
              core::Log log,
              std::filesystem::path chronyc,
              std::filesystem::path socket)
        : clock_{clock},
          state_{state},
          processes_{processes},
          log_{std::move(log)},
          chronyc_{std::move(chronyc)},
          socket_{std::move(socket)} {}

    core::Task<void> run();

private:
    core::Task<bool> holds(std::optional<ChronyOrder> wanted);
    core::Task<bool> tell(ChronyOrder order);
    core::Task<void> other_order(std::optional<ChronyOrder> seen);

    core::Clock& clock_;
    core::StateBus& state_;
    core::Processes& processes_;
    core::Log log_;
    std::filesystem::path chronyc_;
    std::filesystem::path socket_;
};

}   // namespace net
