#include "ota/bundle_range.hpp"

#include <algorithm>

namespace ota {

using core::Errc;
using core::fail;

Result<core::ContentRange> range_of(core::HttpHead const& head) {
    auto const answered = "the server answered HTTP " + std::to_string(head.status);
    if (head.status == 200) return fail(Errc::refused, "the server does not support ranges");
    if (head.status == 404 || head.status == 410) return fail(Errc::not_found, answered + ": no such bundle");
    if (head.status == 416) return fail(Errc::bad_input, answered + ": the bundle is shorter than expected");
    if (head.status == 429 || head.status >= 500)
        return fail(Errc::unreachable, answered + " for the bundle");
    if (head.status != 206) return fail(Errc::refused, answered + " for the bundle");
    auto const& range = head.content_range;
    if (!range || range->first > range->last || range->last >= range->total)
        return fail(Errc::bad_input, "the server's reply has no valid Content-Range");
    return *range;
}

core::HttpRequest request_for(BundleSource const& source, core::ByteRange range) {
    core::HttpRequest request;
    request.url = source.url;
    request.headers = source.headers;
    request.range = range;
    request.judge_at = source.judge_at;
    request.judge_at_is_floor = source.judge_at_is_floor;
    return request;
}

void note_retry_after(BundleSource const& source, core::HttpHead const& head) {
    if (!source.retry_after) return;
    *source.retry_after =
        head.status >= 400 ? head.retry_after : std::nullopt;   // what it wished before is over
}

std::string connection_lost(std::uint64_t after, std::uint64_t of) {
    return "connection lost after " + std::to_string(after) + " of " + std::to_string(of) + " bytes";
}

Task<Result<std::string>> read_exactly(core::HttpStream& stream, std::uint64_t size) {
    std::string bytes(size, '\0');
    std::uint64_t have = 0;
    while (have < size) {
        auto const room = std::as_writable_bytes(std::span{bytes}.subspan(have));
        auto const got = co_await stream.read(room);
        if (!got) co_return fail(got.error().code, got.error().context + "; " + connection_lost(have, size));
        if (*got == 0) co_return fail(Errc::unreachable, connection_lost(have, size));
        have += *got;
    }
    co_return bytes;
}

Task<Result<std::unique_ptr<core::HttpStream>>>
open_range(core::HttpClient& http, BundleSource source, BundleHead head, core::ByteRange range) {
    auto request = request_for(source, range);
    // A weak one does not promise the same bytes (RFC 9110 section 13.1.5). The hash tree would notice
    // anyhow.
    if (!head.etag.empty() && !head.etag.starts_with("W/"))
        request.headers.emplace_back("If-Range", head.etag);
    auto stream = co_await http.open(std::move(request));
    if (!stream) co_return stream;
    auto const& reply = (*stream)->head();
    note_retry_after(source, reply);
    // It had ranges when the head was fetched: that it sends the whole now means another file, whatever its
    // ETag says. Beginning anew tells.
    bool const changed =
        reply.status == 416 || reply.status == 200 || (reply.status == 206 && reply.etag != head.etag);
    if (changed) co_return fail(Errc::changed, "the bundle changed on the server");
    auto const got = range_of(reply);
    if (!got) co_return got.error();
    if (got->total != head.total_size) co_return fail(Errc::changed, "the bundle changed on the server");
    if (got->first != range.first || got->last != range.last)
        co_return fail(Errc::bad_input, "the server sent another range than asked for");
    co_return stream;
}

}   // namespace ota
