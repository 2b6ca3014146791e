// Header fields and addresses, each alone: a range, a wish to be asked later, an address, a redirection, a
// request.

#include "net/http_fields.hpp"
#include "fuzz.hpp"
#include "net/http_exchange.hpp"
#include "net/http_url.hpp"

#include <algorithm>

using fuzz::must;

namespace {

void read_fields(std::string_view text, std::string_view date) {
    auto const range = net::parse_content_range(text);
    must(!range || (range->first <= range->last && range->last < range->total), "a range lies in its file");
    auto const pause = net::parse_retry_after(text, date);
    must(!pause || (*pause >= core::Duration{0} && *pause <= std::chrono::hours{10 * 365 * 24}),
         "a pause is at most 10 years");
}

void hold(net::Url const& url) {
    must(!url.host.empty() && url.port > 0 && url.target.starts_with('/'),
         "an address has host, port and target");
    auto const is_clean = [](char c) { return c > ' ' && c < '\x7f'; };
    must(std::ranges::all_of(url.text(), is_clean), "an address is printable");
    auto const again = net::parse_url(url.text());
    must(again.has_value() ? *again == url : url.text().size() > 4096,
         "an address that is printed means the same");
}

void read_addresses(std::string_view text, std::string_view location) {
    auto const url = net::parse_url(text);
    must(url.has_value() || !url.error().context.empty(), "a refusal is a sentence");
    if (!url) return;
    hold(*url);
    auto const target = net::resolve_location(*url, location);
    must(target.has_value() || !target.error().context.empty(), "a refusal is a sentence");
    if (target) hold(*target);
}

void write_request(std::string_view name, std::string_view value) {
    net::Url const url{.host = "updates.test"};
    auto const plain = net::request_text(url, {}, {}, "x");
    auto const text = net::request_text(url, {{std::string{name}, std::string{value}}}, {}, "x");
    must(plain.has_value(), "a request without headers can be written");
    must(text.has_value() || !text.error().context.empty(), "a refusal is a sentence");
    if (text)   // it may replace one, such as User-Agent
        must(std::ranges::count(*text, '\n') <= std::ranges::count(*plain, '\n') + 1, "a header is one line");
}

}   // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) {
    auto const text = fuzz::Input{bytes, size}.rest();   // two texts, a line each
    auto const first = text.substr(0, text.find('\n'));
    auto const second = text.substr(std::min(first.size() + 1, text.size()));
    read_fields(first, second);
    read_addresses(first, second);
    write_request(first, second);
    return 0;
}
