#pragma once
// One reading each, of this device itself: its data, its clock, its loop, and whether the update server can
// be reached from here. Pure, but for what looks.

#include "core/clock.hpp"
#include "core/device_state.hpp"
#include "core/result.hpp"
#include "core/task.hpp"
#include "core/workers.hpp"

#include <cstdint>
#include <filesystem>

namespace health {

using core::Reading;
using core::Task;

struct DataFacts {
    core::Result<std::uint64_t> free_bytes{0};   // for us, below <data>
    core::Result<void> written;                  // a small file, synced and renamed, below <data>/state
};
// By the pool: a worn-out card makes it wait.
Task<DataFacts> look_at_data(core::Workers& workers, std::filesystem::path data);

Reading data_space_reading(core::Result<std::uint64_t> const& free_bytes, std::uint64_t minimum);
Reading data_writable_reading(core::Result<void> const& written);

// A document that this version refuses although the other slot's accepts it is this version's fault: without
// it, the device has another network than the operator wants, and may not even know its update server. So is
// one that the other slot accepted last and may run on, while neither accepts the operator's. That one alone
// is the operator's affair.
Reading document_reading(core::ConfigState const& config);

// A clock below `floor`, when this image was built, is wrong. One that nothing vouches for may be right.
Reading clock_reading(core::WallTime wall, core::WallTime floor, bool synchronised);

// How late an alarm rang; above a limit, something holds the loop up.
Reading loop_latency_reading(core::Duration late);
// Keeps the worst in `late` until it is cancelled.
Task<void> watch_lateness(core::Clock& clock, core::Duration& late);

// What this device can do something about is bad: no lease, no route, no address of the name, our authorities
// or our certificate. A server that refuses, errs or is silent is good, with a warning.
Reading update_server_reading(std::optional<core::ServerContact> const& contact,
                              core::Links const& links,
                              Reading const& wan_lease);

// Of a slot that knows of no server. Bad in a trial, if the version before reached one and the operator's
// document, refused here, cannot have taken it away: such a slot could never be updated again. Else nothing.
std::optional<Reading> missing_server_reading(core::DeviceState const& state);

}   // namespace health
