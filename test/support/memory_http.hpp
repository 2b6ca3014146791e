#pragma once
// A server with one file, in memory: ranges and an ETag as nginx has them, and the ways in which that goes
// wrong.

#include "core/http.hpp"
#include "support/hurried_clock.hpp"

#include <functional>
#include <limits>
#include <map>
#include <vector>

namespace test {

struct MemoryHttp final : core::HttpClient {
    static constexpr auto kNever = std::numeric_limits<std::uint64_t>::max();

    std::string file;
    std::string etag = "\"1\"";
    unsigned status = 0;   // answers this to everything, if not 0
    bool has_ranges = true;
    std::uint64_t drop_after = kNever;           // body bytes of one reply, then the connection ends
    std::optional<core::Duration> retry_after;   // with a status that is no success
    core::Duration read_time{};                  // each read takes this long on `clock`
    HurriedClock* clock = nullptr;
    std::uint64_t range_off_by = 0;               // a 206 is of bytes so much later than asked for
    std::optional<std::uint64_t> claimed_total;   // of the file, in every Content-Range
    std::size_t piece = 16 * 1024;                // the most that one read gives
    std::function<void(MemoryHttp&, core::HttpRequest const&)> before_reply;   // the file may change here

    std::vector<core::HttpRequest> requests;   // as they came
    std::uint64_t given = 0;                   // body bytes that were read

    // Of the requests since `first`: the range "1000-1999" of each.
    std::vector<std::string> ranges(std::size_t first = 0) const;

    core::Task<core::Result<std::unique_ptr<core::HttpStream>>> open(core::HttpRequest request) override;
};

}   // namespace test
