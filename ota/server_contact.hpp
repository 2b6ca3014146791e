#pragma once
// The question for an offer, and how the server could be reached with it.

#include "core/clock.hpp"
#include "core/device_state.hpp"
#include "core/http.hpp"
#include "ota/history.hpp"
#include "ota/judging_time.hpp"

#include <string>

namespace ota {

// The floor for the time at which certificates are judged.
core::WallTime time_floor(Committed const& committed, core::WallTime built);

// `etag`: of the last offer; empty: none is known.
core::HttpRequest offer_request(std::string const& server_url,
                                core::DeviceState const& state,
                                std::string const& etag,
                                JudgingTime time);

// Any status is an answer.
core::ServerContact contact_of(core::Result<std::unique_ptr<core::HttpStream>> const& opened,
                               core::TimePoint at);

// Asks as a poll does, reads no offer, and leaves what came of it in DeviceState::update.server.
core::Task<void> contact_server(core::Clock& clock,
                                core::HttpClient& http,
                                core::Writer<&core::DeviceState::update> update,
                                core::HttpRequest request);

}   // namespace ota
