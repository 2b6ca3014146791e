#pragma once
// One request on a TLS connection, and its reply, read piece by piece.

#include "core/clock.hpp"
#include "core/http.hpp"
#include "net/http_exchange.hpp"
#include "net/tls.hpp"

#include <functional>
#include <vector>

namespace net {

class HttpReply final : public core::HttpStream {
public:
    // `keep` gets the connection once the reply is complete, where it is of further use.
    using Keep = std::function<void(TlsStream)>;
    HttpReply(core::Clock& clock, TlsStream stream, Url url, core::Duration stall_limit, Keep keep);

    // Sends `request` and waits for the reply's head, before anything else; the caller limits the time.
    // Errors: unreachable, bad_input.
    Task<Result<void>> ask(std::string request);
    bool has_begun() const { return has_begun_; }   // at least one byte of it has come
    std::string location() const { return parser_.location(); }

    core::HttpHead const& head() const override { return head_; }
    Task<Result<std::size_t>> read(std::span<std::byte> into) override;

private:
    Task<Result<void>> read_head();
    void end();   // the body is complete
    std::span<std::byte const> unread() const;
    std::span<std::byte> room();
    // What a read of the connection gave; false at its end, with failed_ set where the reply was not
    // complete.
    bool take(Result<std::size_t> const& got);
    Task<bool> wait_for_more();
    Task<void> let_others_run(std::size_t just_read);

    core::Clock& clock_;
    std::optional<TlsStream> stream_;   // until the reply is complete
    Url url_;
    core::Duration stall_limit_;
    Keep keep_;
    ReplyParser parser_;
    core::HttpHead head_;
    std::vector<std::byte> buffer_;
    std::size_t begin_ = 0;   // of what is unread in buffer_
    std::size_t end_ = 0;
    std::size_t without_pause_ = 0;   // bytes since the loop last ran
    core::Duration waited_{};         // for the piece of the body that is coming in
    std::size_t came_ = 0;            // of that piece
    bool has_begun_ = false;
    std::optional<core::Error> failed_;
};

}   // namespace net
