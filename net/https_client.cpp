#include "net/https_client.hpp"

#include "core/race.hpp"
#include "net/http_reply.hpp"

#include <algorithm>

namespace net {
namespace {

using core::Errc;
using core::fail;
using Headers = std::vector<std::pair<std::string, std::string>>;

constexpr int kMostRedirects = 5;

bool is_redirect(unsigned status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool describes_content(std::string_view name) {
    auto const same = [](char a, char b) { return std::tolower(a) == std::tolower(b); };
    constexpr std::string_view kSafe[] = {"accept", "if-none-match", "if-match", "if-range",
                                          "if-modified-since"};
    return std::ranges::any_of(kSafe, [&](auto safe) { return std::ranges::equal(name, safe, same); });
}

Headers headers_for(Url const& url, Url const& first, Headers headers) {
    if (url.host == first.host && url.port == first.port) return headers;
    std::erase_if(headers, [](auto const& header) { return !describes_content(header.first); });
    return headers;
}

// A refused address as the error shows it: not with a password, not without end, only printable ASCII.
std::string shown(std::string_view address) {
    if (address.find('@') != std::string_view::npos) return "an address with a password";
    std::string text{address.substr(0, 200)};
    std::ranges::replace_if(
        text, [](char c) { return c < ' ' || c > '~'; }, '?');
    return text;
}

std::string in_words(core::Duration d) {
    auto const ms = std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
    return ms % 1000 == 0 ? std::to_string(ms / 1000) + " s" : std::to_string(ms) + " ms";
}

}   // namespace

// How far a request has come, for the error when its time is over.
struct HttpsClient::Progress {
    core::TimePoint until;
    std::string peer;
    char const* step = "";
};

HttpsClient::HttpsClient(core::Clock& clock,
                         std::optional<std::filesystem::path> authorities,
                         std::string user_agent)
    : clock_{clock}, authorities_{std::move(authorities)}, user_agent_{std::move(user_agent)} {}

Task<Result<std::unique_ptr<core::HttpStream>>> HttpsClient::open(core::HttpRequest request) {
    auto const limit = request.connect_limit;
    Progress progress{.until = clock_.now() + limit, .peer = shown(request.url), .step = ""};
    auto opening = follow(std::move(request), progress);
    auto patience = clock_.sleep_until(progress.until);
    auto opened = co_await core::first_of(std::move(opening), std::move(patience));
    if (opened) co_return std::move(*opened);
    co_return fail(Errc::timed_out, "no answer from " + progress.peer + " within " + in_words(limit) + " (" +
                                        progress.step + ")");
}

Task<Result<std::unique_ptr<core::HttpStream>>> HttpsClient::follow(core::HttpRequest request,
                                                                    Progress& progress) {
    auto url = parse_url(request.url);
    if (!url) co_return fail(url.error().code, shown(request.url) + " refused: " + url.error().context);
    auto const first = *url;
    TlsTrust const trust{.authorities = authorities_, .judge_at = request.judge_at};

    for (int redirects = 0;; ++redirects) {
        auto const text =
            request_text(*url, headers_for(*url, first, request.headers), request.range, user_agent_);
        if (!text) co_return text.error();
        progress.peer = url->peer();

        progress.step = "looking up its address";
        auto addresses = co_await look_up(url->host, url->port);
        if (!addresses) co_return addresses.error();

        progress.step = "connecting";
        auto socket = co_await connect_to(clock_, *addresses, url->peer(), progress.until - clock_.now());
        if (!socket) co_return socket.error();

        progress.step = "TLS";
        auto stream = co_await TlsStream::open(std::move(*socket), *url, trust);
        if (!stream) co_return stream.error();

        progress.step = "waiting for its reply";
        auto const sent = co_await stream->write(*text);
        if (!sent) co_return fail(sent, "sending the request to " + url->peer());
        auto reply = std::make_unique<HttpReply>(clock_, std::move(*stream), *url, request.stall_limit);
        auto const headed = co_await reply->read_head();
        if (!headed) co_return fail(headed, "waiting for the reply of " + url->peer());

        if (!is_redirect(reply->head().status)) co_return std::unique_ptr<core::HttpStream>{std::move(reply)};
        if (redirects == kMostRedirects)
            co_return fail(Errc::refused, "more than " + std::to_string(kMostRedirects) +
                                              " redirects, the last by " + url->peer());
        auto const location = reply->location();
        auto const next = resolve_location(*url, location);
        if (!next)
            co_return fail(next.error().code,
                           "redirect to " + shown(location) + " refused: " + next.error().context);
        url = next;
    }
}

}   // namespace net
