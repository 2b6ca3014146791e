#include "ota/range_reader.hpp"

#include "ota/bundle_range.hpp"

#include <algorithm>

namespace ota {

using core::Errc;
using core::fail;

namespace {

constexpr auto kWindow = std::chrono::minutes{1};
constexpr auto kFirstPause = std::chrono::seconds{1};
constexpr auto kLongestPause = std::chrono::seconds{30};
constexpr std::uint64_t kWorthIt = 64 * 1024;   // an attempt that brought this much does not count as failed

bool may_pass(core::Error const& error) {
    return error.is(Errc::unreachable) || error.is(Errc::timed_out) || error.is(Errc::no_address);
}

}   // namespace

RangeReader::RangeReader(core::HttpClient& http,
                         core::Clock& clock,
                         BundleSource source,
                         BundleHead head,
                         Patience patience)
    : http_{http}, clock_{clock}, source_{std::move(source)}, head_{std::move(head)}, patience_{patience} {}

Task<Result<void>> RangeReader::begin(std::uint64_t offset, std::uint64_t end) {
    if (stream_ && at_ == offset && end_ == end) co_return Result<void>{};
    stream_.reset();
    at_ = offset;
    end_ = end;
    co_return co_await open();
}

Task<Result<void>> RangeReader::open() {
    for (;;) {
        core::ByteRange const range{.first = at_, .last = end_ - 1};
        auto opened = co_await open_range(http_, source_, head_, range);
        if (opened) {
            stream_ = std::move(*opened);
            co_return Result<void>{};
        }
        auto const again = co_await after_failure(opened.error());
        if (!again) co_return again;
    }
}

Task<Result<void>> RangeReader::read(std::span<std::byte> into) {
    auto const wanted = at_ + into.size();
    while (at_ < wanted) {
        if (!stream_) {
            auto const opened = co_await open();
            if (!opened) co_return opened;
        }
        auto const began = clock_.now();
        auto const rest = into.last(wanted - at_);
        auto const got = co_await stream_->read(rest);
        count(got ? *got : 0, clock_.now() - began);
        auto why = got && *got > 0 ? too_slow() : std::nullopt;
        if (!got) why = fail(got.error().code, got.error().context + "; " + connection_lost(at_, end_));
        if (got && *got == 0) why = fail(Errc::unreachable, connection_lost(at_, end_));
        if (!why) continue;
        stream_.reset();
        auto const again = co_await after_failure(*why);
        if (!again) co_return again;
    }
    if (at_ == end_) stream_.reset();
    co_return Result<void>{};
}

Task<Result<std::string>> RangeReader::fetch(std::uint64_t offset, std::uint64_t end) {
    auto const begun = co_await begin(offset, end);
    if (!begun) co_return begun.error();
    std::string bytes(end - offset, '\0');
    auto const room = std::as_writable_bytes(std::span{bytes});
    auto const got = co_await read(room);
    if (!got) co_return got.error();
    co_return bytes;
}

void RangeReader::count(std::uint64_t bytes, core::Duration waited) {
    at_ += bytes;
    received_ += bytes;
    since_failure_ += bytes;
    in_window_ += bytes;
    waited_ += waited;
}

std::optional<core::Error> RangeReader::too_slow() {
    if (clock_.now() >= patience_.until)
        return fail(Errc::timed_out, "the download took longer than update.download_limit allows");
    if (waited_ < kWindow) return std::nullopt;
    auto const rate = in_window_ / static_cast<std::uint64_t>(core::count_s(waited_));
    in_window_ = 0;
    waited_ = {};
    if (rate >= patience_.minimum_rate) return std::nullopt;
    since_failure_ = 0;
    return fail(Errc::timed_out, "only " + std::to_string(rate) +
                                     " bytes per second came from the server, fewer than " +
                                     std::to_string(patience_.minimum_rate));
}

bool RangeReader::asks_to_come_back() const {
    return source_.retry_after && source_.retry_after->has_value();
}

// Success: try again.
Task<Result<void>> RangeReader::after_failure(core::Error why) {
    if (!may_pass(why) || asks_to_come_back() || clock_.now() >= patience_.until) co_return why;
    if (since_failure_ >= kWorthIt) failures_ = 0;
    since_failure_ = 0;
    if (++failures_ >= patience_.attempts) co_return why;
    auto const pause =
        std::min<core::Duration>(kFirstPause * (1 << std::min(failures_ - 1, 5u)), kLongestPause);
    co_await clock_.sleep_for(pause);
    co_return Result<void>{};
}

}   // namespace ota
