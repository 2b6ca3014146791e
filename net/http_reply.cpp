#include "net/http_reply.hpp"

#include "core/race.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>

namespace net {
namespace {

namespace asio = core::asio;
using core::Errc;
using core::fail;

constexpr std::size_t kBuffer = 64 * 1024;           // four TLS records
constexpr std::size_t kMostWithoutPause = 1 << 20;   // then every other task gets its turn

// After the others the caller has nothing more to ask for now: no connection waits for the next poll.
bool promises_another_request(unsigned status) {
    return status == 200 || status == 206;
}

}   // namespace

HttpReply::HttpReply(core::Clock& clock, TlsStream stream, Url url, core::Duration stall_limit, Keep keep)
    : clock_{clock},
      stream_{std::move(stream)},
      url_{std::move(url)},
      stall_limit_{stall_limit},
      keep_{std::move(keep)},
      buffer_(kBuffer) {}

std::span<std::byte const> HttpReply::unread() const {
    return std::span{buffer_}.subspan(begin_, end_ - begin_);
}

std::span<std::byte> HttpReply::room() {
    std::ranges::copy(unread(), buffer_.begin());   // rarely more than a piece of a chunk's head
    end_ -= std::exchange(begin_, 0);
    return std::span{buffer_}.subspan(end_);
}

bool HttpReply::take(Result<std::size_t> const& got) {
    if (!got) failed_ = parser_.lost(got.error().context);
    if (got && *got == 0) {
        auto const ended = parser_.put_end();
        if (!ended) failed_ = ended.error();
    }
    if (!got || *got == 0) return false;
    has_begun_ = true;
    end_ += *got;
    came_ += *got;
    if (came_ < core::HttpRequest::kPiece) return true;
    came_ = 0;
    waited_ = {};
    return true;
}

void HttpReply::end() {
    bool const usable = parser_.leaves_connection_open() && unread().empty();
    if (usable && promises_another_request(head_.status)) keep_(std::move(*stream_));
    stream_.reset();
    buffer_ = {};
    begin_ = end_ = 0;
}

Task<Result<void>> HttpReply::ask(std::string request) {
    auto const sent = co_await stream_->write(std::move(request));
    if (!sent) co_return fail(sent, "sending the request to " + url_.peer());
    auto const headed = co_await read_head();
    if (!headed) co_return fail(headed, "waiting for the reply of " + url_.peer());
    if (parser_.is_done()) end();
    co_return Result<void>{};
}

Task<Result<void>> HttpReply::read_head() {
    while (!parser_.has_head()) {
        auto const put = parser_.put(unread(), {});
        if (!put) co_return put.error();
        begin_ += put->taken;
        if (put->taken > 0) continue;
        auto const got = co_await stream_->read(room());
        if (!take(got)) co_return *failed_;
    }
    came_ = 0;
    head_ = parser_.head();
    head_.url = url_.text();
    co_return Result<void>{};
}

Task<bool> HttpReply::wait_for_more() {
    auto const began = clock_.now();
    auto const patience = stall_limit_ - waited_;
    auto reading = stream_->read(room());
    auto limit = clock_.sleep_for(patience);
    auto const got = co_await core::first_of(std::move(reading), std::move(limit));
    without_pause_ = 0;
    waited_ += clock_.now() - began;
    if (got) co_return take(*got);
    auto const limit_s = std::to_string(core::count_s(stall_limit_)) + " s";
    auto why = "no data from " + url_.peer() + " for " + limit_s;
    if (patience < stall_limit_)
        why = "only " + std::to_string(came_) + " bytes from " + url_.peer() + " in " + limit_s;
    failed_ = fail(Errc::timed_out, why);
    co_return false;
}

Task<void> HttpReply::let_others_run(std::size_t just_read) {
    without_pause_ += just_read;
    if (without_pause_ < kMostWithoutPause) co_return;
    without_pause_ = 0;
    co_await asio::post(asio::use_awaitable);
}

Task<Result<std::size_t>> HttpReply::read(std::span<std::byte> into) {
    std::size_t got = 0;
    while (got < into.size() && !parser_.is_done() && !failed_) {
        auto const put = parser_.put(unread(), into.subspan(got));
        if (!put) {
            failed_ = put.error();
            break;
        }
        begin_ += put->taken;
        got += put->body;
        if (put->taken > 0) continue;

        if (room().empty()) failed_ = fail(Errc::bad_input, "the reply is not HTTP: endless chunk header");
        if (failed_) break;
        auto const arrived = stream_->read_arrived(room());
        if (arrived && !take(*arrived)) break;
        if (arrived) continue;
        if (got > 0) break;   // better a short piece now than a long one later
        bool const more = co_await wait_for_more();
        if (!more) break;
    }
    if (parser_.is_done() && stream_) end();
    if (got == 0 && failed_) co_return *failed_;
    co_await let_others_run(got);
    co_return got;
}

}   // namespace net
