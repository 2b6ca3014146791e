#include "net/https_client.hpp"

#include "core/race.hpp"
#include "net/http_dial.hpp"
#include "net/http_idle.hpp"
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

bool is_same_server(Url const& a, Url const& b) {
    return a.host == b.host && a.port == b.port;
}

Headers headers_for(Url const& url, Url const& first, Headers headers) {
    if (is_same_server(url, first)) return headers;
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

HttpsClient::HttpsClient(core::Clock& clock,
                         std::optional<std::filesystem::path> authorities,
                         std::string user_agent,
                         HttpsOptions options)
    : clock_{clock},
      authorities_{std::move(authorities)},
      user_agent_{std::move(user_agent)},
      identity_{std::move(options.identity)},
      identity_for_{std::move(options.identity_for)},
      proxies_{options.environment},
      idle_{std::make_shared<IdleConnection>()} {}

Task<Result<std::unique_ptr<core::HttpStream>>> HttpsClient::open(core::HttpRequest request) {
    auto const limit = request.connect_limit;
    Progress progress{.until = clock_.now() + limit, .peer = shown(request.url), .step = ""};
    auto opening = follow(std::move(request), progress);
    auto patience = clock_.sleep_until(progress.until);
    auto opened = co_await core::first_of(std::move(opening), std::move(patience));
    if (opened) co_return std::move(*opened);
    auto const code = progress.step == kLookUp ? Errc::no_address : Errc::timed_out;
    co_return fail(code, "no answer from " + progress.peer + " within " + in_words(limit) + " (" +
                             progress.step + ")");
}

Task<Result<std::unique_ptr<core::HttpStream>>> HttpsClient::follow(core::HttpRequest request,
                                                                    Progress& progress) {
    auto url = parse_url(request.url);
    if (!url) co_return fail(url.error().code, shown(request.url) + " refused: " + url.error().context);
    auto const first = *url;
    for (int redirects = 0;; ++redirects) {
        auto const text =
            request_text(*url, headers_for(*url, first, request.headers), request.range, user_agent_);
        if (!text) co_return text.error();
        TlsTrust trust{.authorities = authorities_,
                       .judge_at = request.judge_at,
                       .judge_at_is_floor = request.judge_at_is_floor,
                       .identity = {}};
        if (is_same_server(*url, first) && shows_identity_to(*url)) trust.identity = identity_;
        auto reply = co_await ask(*url, std::move(trust), *text, request.stall_limit, progress);
        if (!reply) co_return reply.error();

        if (!is_redirect((*reply)->head().status))
            co_return std::unique_ptr<core::HttpStream>{std::move(*reply)};
        if (redirects == kMostRedirects)
            co_return fail(Errc::refused, "more than " + std::to_string(kMostRedirects) +
                                              " redirects, the last by " + url->peer());
        auto const location = (*reply)->location();
        auto const next = resolve_location(*url, location);
        if (!next)
            co_return fail(next.error().code,
                           "redirect to " + shown(location) + " refused: " + next.error().context);
        url = next;
    }
}

bool HttpsClient::shows_identity_to(Url const& url) const {
    if (!identity_for_) return true;
    auto const named = parse_url(*identity_for_);
    return named && is_same_server(url, *named);
}

Task<Result<std::unique_ptr<HttpReply>>>
HttpsClient::ask(Url url, TlsTrust trust, std::string text, core::Duration stall_limit, Progress& progress) {
    ConnectionKey const key{url.host, url.port, trust};
    auto const keep = [&clock = clock_, idle = idle_, key](TlsStream stream) {
        idle->keep(key, std::move(stream), clock.now());
    };
    auto kept = idle_->take(key, clock_.now());
    if (kept) {
        progress.peer = url.peer();
        progress.step = "waiting for its reply";
        auto reply = std::make_unique<HttpReply>(clock_, std::move(*kept), url, stall_limit, keep);
        auto const answered = co_await reply->ask(text);
        if (answered) co_return reply;
        if (reply->has_begun()) co_return answered.error();
        // The server closed it while it rested: as if it had never been kept.
    }
    auto const proxy = proxies_.for_host(url.host);
    if (!proxy) co_return proxy.error();
    auto stream = co_await dial(clock_, url, std::move(trust), *proxy, user_agent_, progress);
    if (!stream) co_return stream.error();

    progress.step = "waiting for its reply";
    auto reply = std::make_unique<HttpReply>(clock_, std::move(*stream), url, stall_limit, keep);
    auto const answered = co_await reply->ask(std::move(text));
    if (!answered) co_return answered.error();
    co_return reply;
}

}   // namespace net
