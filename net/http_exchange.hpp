#pragma once
// HTTP/1.1 as bytes: the text of a GET, and the parser of its reply. No socket, no clock; Beast does the
// grammar.

#include "core/http.hpp"
#include "net/http_url.hpp"

#include <memory>
#include <span>
#include <string>

namespace net {

// Errors: bad_input (a header with a line break or another character that no header may have).
core::Result<std::string> request_text(Url const& url,
                                       std::vector<std::pair<std::string, std::string>> const& headers,
                                       std::optional<core::ByteRange> const& range,
                                       std::string const& user_agent);

class ReplyParser {
public:
    ReplyParser();
    ReplyParser(ReplyParser&&) noexcept;
    ReplyParser& operator=(ReplyParser&&) noexcept;
    ~ReplyParser();

    // Takes from the front of `received`; body bytes go to `into`. Takes nothing when more is needed than
    // there is. Errors: bad_input (not HTTP, or a header over 16 KiB).
    struct Taken {
        std::size_t taken = 0;
        std::size_t body = 0;
    };
    core::Result<Taken> put(std::span<std::byte const> received, std::span<std::byte> into);

    // The peer closed in order. Errors: unreachable, as lost().
    core::Result<void> put_end();
    // unreachable: "the connection was lost after 12 of 40 bytes: Connection reset by peer".
    core::Error lost(std::string const& why) const;

    bool has_head() const;   // an interim reply (1xx) is not one
    bool is_done() const;
    // The reply is complete and another one may follow (RFC 9112 section 9.3): not after `Connection: close`,
    // nor from HTTP/1.0.
    bool leaves_connection_open() const;
    core::HttpHead head() const;    // without url
    std::string location() const;   // of a redirect; empty if absent

private:
    struct Parser;
    std::unique_ptr<Parser> parser_;
};

}   // namespace net
