// A reply that comes in pieces of any size: what is understood does not depend on where they end.

#include "fuzz.hpp"
#include "net/http_exchange.hpp"

#include <algorithm>
#include <random>
#include <string>

using fuzz::must;

namespace {

// As long as the product's (net/http_reply.cpp): what does not fit is no HTTP.
constexpr std::size_t kBuffer = 64 * 1024;

struct Reply {
    core::HttpHead head;
    std::string location;
    std::string body;
    bool is_done = false;
    bool is_open = false;
    bool has_failed = false;

    bool operator==(Reply const& other) const {
        return head.status == other.head.status && head.etag == other.head.etag &&
               head.retry_after == other.head.retry_after && head.content_range == other.head.content_range &&
               head.content_length == other.head.content_length && location == other.location &&
               body == other.body && is_done == other.is_done && is_open == other.is_open &&
               has_failed == other.has_failed;
    }
};

// What net::HttpReply does, without the network. `piece` says how long the next one is, `room` how much the
// caller takes of the body.
template <class Piece, class Room> Reply receive(std::string_view sent, Piece piece, Room room) {
    net::ReplyParser parser;
    Reply reply;
    std::string unread;
    std::vector<std::byte> into(4096);
    while (!parser.is_done()) {
        bool const had_head = parser.has_head();
        auto const space =
            std::span{into}.first(had_head ? std::clamp<std::size_t>(room(), 1, into.size()) : 0);
        auto const put = parser.put(std::as_bytes(std::span{unread}), space);
        if (!put) must(!put.error().context.empty(), "a refusal is a sentence");
        reply.has_failed = !put;
        if (!put) break;
        must(put->taken <= unread.size(), "no more is taken than there is");
        must(put->body <= space.size() && put->body <= put->taken, "the body comes from what was sent");
        reply.body.append(reinterpret_cast<char const*>(into.data()), put->body);
        unread.erase(0, put->taken);
        if (put->taken > 0) continue;
        auto const more = std::min({sent.size(), kBuffer - unread.size(), std::max<std::size_t>(piece(), 1)});
        if (more == 0) {
            reply.has_failed = unread.size() == kBuffer || !parser.put_end();
            break;
        }
        unread += sent.substr(0, more);
        sent.remove_prefix(more);
    }
    reply.is_done = parser.is_done();
    reply.is_open = parser.leaves_connection_open();
    if (!parser.has_head()) return reply;
    reply.head = parser.head();
    reply.location = parser.location();
    return reply;
}

void hold(Reply const& reply) {
    must(!reply.is_open || reply.is_done, "a connection is kept after a whole reply only");
    must(reply.head.status / 100 != 1, "an interim reply is not the reply");
    if (reply.head.content_length)
        must(reply.body.size() <= *reply.head.content_length, "a body is not longer than it said");
    auto const& range = reply.head.content_range;
    must(!range || (range->first <= range->last && range->last < range->total), "a range lies in its file");
    must(!range || !reply.head.content_length || range->last - range->first == *reply.head.content_length - 1,
         "a range is as long as its body");
}

}   // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) {
    fuzz::Input input{bytes, size};
    std::minstd_rand random{input.take<std::uint16_t>()};
    auto const most = 1u + input.take<std::uint8_t>();
    auto const any = [&] { return std::size_t{1 + random() % most}; };
    auto const whole = [] { return kBuffer; };

    auto const at_once = receive(input.rest(), whole, whole);
    hold(at_once);
    must(receive(input.rest(), any, any) == at_once, "pieces make no difference");
    return 0;
}
