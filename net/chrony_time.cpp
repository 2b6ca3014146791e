#include "net/chrony_time.hpp"

#include <charconv>
#include <vector>

namespace net {

using core::Errc;
using core::fail;

core::Result<bool> is_synchronised(std::string_view tracking) {
    constexpr std::size_t kReferenceId = 0, kStratum = 2, kLeap = 13, kFields = 14;   // chrony 4: client.c
    constexpr unsigned kOwnStratum = 10;
    tracking = tracking.substr(0, tracking.find('\n'));
    std::vector<std::string_view> fields;
    while (true) {
        auto const comma = tracking.find(',');
        fields.push_back(tracking.substr(0, comma));
        if (comma == std::string_view::npos) break;
        tracking.remove_prefix(comma + 1);
    }
    if (fields.size() != kFields)
        return fail(Errc::bad_input, "chronyc's tracking report does not have 14 fields");

    unsigned stratum = 0;
    auto const text = fields[kStratum];
    auto const [end, failed] = std::from_chars(text.data(), text.data() + text.size(), stratum);
    if (failed != std::errc{} || end != text.data() + text.size())
        return fail(Errc::bad_input, "chronyc's tracking report has no stratum");
    bool const knows =
        fields[kLeap] == "Normal" || fields[kLeap] == "Insert second" || fields[kLeap] == "Delete second";
    bool const own_clock = fields[kReferenceId].starts_with("7F7F01") || fields[kReferenceId] == "00000000";
    return knows && !own_clock && stratum >= 1 && stratum < kOwnStratum;
}

core::Task<bool> ChronyTime::synchronised() {
    core::Command command;
    // -n: else chronyc asks DNS for its source's name, and may wait for an answer that does not come.
    command.argv = {chronyc_.string(), "-n", "-h", socket_.string(), "-c", "tracking"};
    auto const told = co_await processes_.run(std::move(command));
    if (!told || told->status != 0) co_return false;
    auto const answer = is_synchronised(told->output);
    co_return answer&&* answer;
}

}   // namespace net
