#include "net/http_exchange.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using core::Errc;
using net::ReplyParser;

namespace {

std::span<std::byte const> bytes(std::string_view text) {
    return std::as_bytes(std::span{text});
}

struct Got {
    std::string body;
    std::optional<core::Error> failed;
    ReplyParser parser;
};

// Hands `wire` over in pieces of `piece` bytes and takes the body in pieces of `room`; then the peer closes.
Got receive(std::string_view wire, std::size_t piece, std::size_t room) {
    Got got;
    std::string unread;
    while (!got.parser.is_done() && !got.failed) {
        std::vector<std::byte> into(room);
        auto const put = got.parser.put(bytes(unread), into);
        if (!put) {
            got.failed = put.error();
            break;
        }
        got.body.append(reinterpret_cast<char const*>(into.data()), put->body);
        unread.erase(0, put->taken);
        if (put->taken > 0) continue;
        if (wire.empty()) {
            auto const ended = got.parser.put_end();
            if (!ended) got.failed = ended.error();
            break;
        }
        unread += wire.substr(0, piece);
        wire.remove_prefix(std::min(piece, wire.size()));
    }
    return got;
}

}   // namespace

// Else a server's own If-None-Match would be refused here, at every poll until a restart (RFC 9110, 5.5).
TEST_CASE("what a reply's header may hold, a request's may hold too") {
    net::Url const url{"updates.example", 443, "/"};
    auto got = receive("HTTP/1.1 304 No\r\nETag: \"\xc3\xa4\"\r\n\r\n", 1000, 10);
    auto const etag = got.parser.head().etag;
    REQUIRE(etag == "\"\xc3\xa4\"");
    CHECK(net::request_text(url, {{"If-None-Match", etag}}, {}, "atomixd/1").has_value());
}

TEST_CASE("a request names its host, asks for bytes as stored, and carries the caller's headers") {
    net::Url const url{"updates.example", 8443, "/bundle?x"};
    auto const text = net::request_text(url, {{"If-None-Match", "\"v1\""}, {"X-Device-ID", "7"}},
                                        core::ByteRange{{}, 100}, "atomixd/1");
    REQUIRE(text.has_value());
    CHECK(*text == "GET /bundle?x HTTP/1.1\r\n"
                   "Host: updates.example:8443\r\n"
                   "User-Agent: atomixd/1\r\n"
                   "Accept-Encoding: identity\r\n"
                   "Range: bytes=-100\r\n"
                   "If-None-Match: \"v1\"\r\n"
                   "X-Device-ID: 7\r\n\r\n");
}

TEST_CASE("a header that would smuggle another one is refused, and its value is not repeated") {
    for (auto const& [name, value] : {std::pair{"Authorization", "secret\r\nX: y"},
                                      std::pair{"X: y\r\nZ", "secret"}, std::pair{"", "secret"}}) {
        auto const text = net::request_text(net::Url{"example", 443, "/"}, {{name, value}}, {}, "atomixd");
        REQUIRE(!text);
        CHECK(text.error().is(Errc::bad_input));
        CHECK(text.error().context.find("secret") == std::string::npos);
    }
}

TEST_CASE("a reply is the same in whatever pieces it comes and is taken") {
    struct {
        char const* name;
        std::string_view wire;
    } const cases[] = {
        {"length", "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world"},
        {"chunked",
         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello \r\n5;x=y\r\nworld\r\n0\r\n\r\n"},
        {"until the end", "HTTP/1.0 200 OK\r\n\r\nhello world"},
        {"after 100 and 103", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
                              "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world"},
    };
    for (auto const& c : cases)
        for (std::size_t piece : {1u, 3u, 7u, 1000u})
            for (std::size_t room : {1u, 4u, 100u}) {
                CAPTURE(c.name);
                CAPTURE(piece);
                CAPTURE(room);
                auto const got = receive(c.wire, piece, room);
                CHECK(got.body == "hello world");
                CHECK(!got.failed);
                CHECK(got.parser.head().status == 200);
            }
}

TEST_CASE("what a reply's head says is there as values") {
    auto const got = receive("HTTP/1.1 206 Partial\r\nETag: \"v1\"\r\nRetry-After: 30\r\n"
                             "Content-Range: bytes 0-4/10\r\nContent-Length: 5\r\n\r\nhello",
                             1000, 100);
    auto const head = got.parser.head();
    CHECK(head.etag == "\"v1\"");
    CHECK((head.retry_after == 30s));
    CHECK((head.content_range == core::ContentRange{0, 4, 10}));
    CHECK((head.content_length == 5u));
}

TEST_CASE("a Content-Range that does not fit the length of the body is nothing") {
    auto const wire = "HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-4/10\r\nContent-Length: 4\r\n\r\nhell";
    CHECK(!receive(wire, 1000, 100).parser.head().content_range);
    auto const chunked = "HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-4/10\r\n"
                         "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    CHECK((receive(chunked, 1000, 100).parser.head().content_range == core::ContentRange{0, 4, 10}));
}

TEST_CASE("the wait that a busy server wants may be a date, measured from its own clock") {
    auto const got = receive("HTTP/1.1 503 Busy\r\nDate: Sat, 01 Jan 2000 00:00:00 GMT\r\n"
                             "Retry-After: Sat, 01 Jan 2000 00:02:00 GMT\r\nContent-Length: 0\r\n\r\n",
                             1000, 100);
    CHECK((got.parser.head().retry_after == 120s));
}

TEST_CASE("a connection carries another request only after a complete reply that leaves it open") {
    struct {
        char const* wire;
        bool open;
    } const cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello", false},
        {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", false},
        {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello", true},
        {"HTTP/1.1 200 OK\r\n\r\nhello", false},
        {"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello", false},
    };
    for (auto const& c : cases) {
        CAPTURE(c.wire);
        CHECK(receive(c.wire, 1000, 100).parser.leaves_connection_open() == c.open);
    }
}

TEST_CASE("a reply without a body is done after its head") {
    for (auto const* wire :
         {"HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\nContent-Length: 500\r\n\r\n",
          "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}) {
        CAPTURE(wire);
        auto const got = receive(wire, 1000, 100);
        CHECK(got.parser.is_done());
        CHECK(!got.failed);
        CHECK(got.body == "");
    }
}

TEST_CASE("a connection that ends too early is told apart from the end of the body") {
    struct {
        char const* wire;
        char const* why;
    } const cases[] = {
        {"", "the connection was lost before the reply was complete: closed by the server"},
        {"HTTP/1.1 200 OK\r\nConte",
         "the connection was lost before the reply was complete: closed by the server"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello",
         "the connection was lost after 5 of 11 bytes: closed by the server"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
         "the connection was lost after 5 bytes: closed by the server"},
    };
    for (auto const& c : cases) {
        CAPTURE(c.wire);
        auto const got = receive(c.wire, 1000, 100);
        REQUIRE(got.failed);
        CHECK(got.failed->is(Errc::unreachable));
        CHECK(got.failed->context == c.why);
    }
}

TEST_CASE("what is not HTTP, or a head without end, is refused") {
    auto const long_head = "HTTP/1.1 200 OK\r\nX: " + std::string(17'000, 'x') + "\r\n\r\n";
    for (std::string_view wire :
         {std::string_view{"SSH-2.0-OpenSSH_9.2\r\n"}, std::string_view{"HTTP/3 200\r\n\r\n"},
          std::string_view{long_head}, std::string_view{"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n"},
          std::string_view{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}}) {
        CAPTURE(wire.substr(0, 40));
        auto const got = receive(wire, 1000, 100);
        REQUIRE(got.failed);
        CHECK(got.failed->is(Errc::bad_input));
        CHECK(got.failed->context.starts_with("the reply is not HTTP: "));
    }
}
