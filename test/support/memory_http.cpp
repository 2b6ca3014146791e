#include "support/memory_http.hpp"

#include <algorithm>
#include <cstring>

namespace test {
namespace {

struct MemoryStream final : core::HttpStream {
    core::HttpHead reply;
    std::string body;
    std::uint64_t given = 0;
    std::uint64_t drop_after = 0;
    std::size_t piece = 0;
    MemoryHttp* server = nullptr;

    core::HttpHead const& head() const override { return reply; }
    core::Task<core::Result<std::size_t>> read(std::span<std::byte> into) override {
        if (given >= drop_after)
            co_return core::fail(core::Errc::unreachable, "the peer closed the connection");
        auto const n = std::min({into.size(), piece, body.size() - given, drop_after - given});
        std::memcpy(into.data(), body.data() + given, n);
        given += n;
        server->given += n;
        if (server->clock) server->clock->pass(server->read_time);
        co_return n;
    }
};

}   // namespace

core::Task<core::Result<std::unique_ptr<core::HttpStream>>> MemoryHttp::open(core::HttpRequest request) {
    requests.push_back(request);
    if (before_reply) before_reply(*this, request);
    auto stream = std::make_unique<MemoryStream>();
    stream->drop_after = drop_after;
    stream->piece = piece;
    stream->server = this;
    stream->reply.etag = etag;
    if (status >= 400) stream->reply.retry_after = retry_after;
    stream->reply.url = request.url;
    stream->reply.status = status;
    auto const condition =
        std::ranges::find(request.headers, "If-Range", &std::pair<std::string, std::string>::first);
    bool const is_other = condition != request.headers.end() && condition->second != etag;
    if (status == 0 && (!has_ranges || !request.range || is_other)) {
        stream->reply.status = 200;
        stream->body = file;
    } else if (status == 0) {
        std::uint64_t const size = file.size();
        auto const first = request.range->first.value_or(size - std::min(size, request.range->last));
        auto const last = std::min(size, request.range->first ? request.range->last + 1 : size) - 1;
        bool const possible = size > 0 && first < size && first <= last;
        stream->reply.status = possible ? 206 : 416;
        if (possible) {
            stream->body = file.substr(first, last - first + 1);
            core::ContentRange const range{.first = first + range_off_by,
                                           .last = last + range_off_by,
                                           .total = claimed_total.value_or(size)};
            stream->reply.content_range = range;
        }
    }
    stream->reply.content_length = stream->body.size();
    co_return stream;
}

std::vector<std::string> MemoryHttp::ranges(std::size_t first) const {
    std::vector<std::string> texts;
    for (auto i = first; i < requests.size(); ++i) {
        auto const& range = requests[i].range;
        auto const begin = range && range->first ? std::to_string(*range->first) : std::string{};
        texts.push_back(range ? begin + "-" + std::to_string(range->last) : "all");
    }
    return texts;
}

}   // namespace test
