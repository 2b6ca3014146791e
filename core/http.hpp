#pragma once
// Fetching over HTTPS, as `ota` needs it and `net` implements it (net/https_client.hpp).

#include "core/result.hpp"
#include "core/task.hpp"
#include "core/time.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace core {

// Inclusive, as in RFC 9110 section 14.1.2. Without `first`: the last `last` bytes ("bytes=-N").
struct ByteRange {
    std::optional<std::uint64_t> first;
    std::uint64_t last = 0;
};

struct HttpRequest {
    std::string url;   // https only, redirects too
    std::vector<std::pair<std::string, std::string>> headers;
    std::optional<ByteRange> range;
    WallTime judge_at{};              // certificates are judged at this time
    bool judge_at_is_floor = false;   // it may be later: a certificate that begins later is taken too
    Duration connect_limit = std::chrono::seconds{10};   // name, connection, TLS, reply header
    Duration stall_limit = std::chrono::seconds{30};     // the longest wait for each piece of the body
    static constexpr std::size_t kPiece = 16 * 1024;
};

struct ContentRange {
    std::uint64_t first = 0;
    std::uint64_t last = 0;   // inclusive
    std::uint64_t total = 0;
    bool operator==(ContentRange const&) const = default;
};

struct HttpHead {
    unsigned status = 0;
    std::string etag;                            // as sent, quotes included; empty if absent
    std::optional<Duration> retry_after;         // a date is measured from the Date header
    std::optional<ContentRange> content_range;   // of a 206, if it fits content_length
    std::optional<std::uint64_t> content_length;
    std::string url;   // after redirects
};

// A reply whose body is read as fast as the caller wants it. Destroying it closes the connection.
class HttpStream {
public:
    virtual ~HttpStream() = default;
    virtual HttpHead const& head() const = 0;
    // At least one byte, or 0 at the end of the body. Errors: unreachable (lost in mid-stream), timed_out.
    virtual Task<Result<std::size_t>> read(std::span<std::byte> into) = 0;
};

class HttpClient {
public:
    virtual ~HttpClient() = default;
    // Any status is a success here. Errors: unreachable, timed_out, bad_signature (TLS does not verify,
    // or the server does not take our certificate), refused (not https, or too many redirects), bad_input
    // (not HTTP), no_address (of the name, as far as the name servers say), io (our own
    // authorities or certificate cannot be used).
    virtual Task<Result<std::unique_ptr<HttpStream>>> open(HttpRequest request) = 0;
};

// Reads a body to its end. Errors: too_large (over `limit` bytes), and those of read.
Task<Result<std::string>> read_all(HttpStream& stream, std::size_t limit);

}   // namespace core
