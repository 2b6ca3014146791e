#include "net/http_fields.hpp"

#include <charconv>

namespace net {
namespace {

// Takes digits from the front; `after` must follow them (0: nothing may follow).
std::optional<std::uint64_t> take_number(std::string_view& text, char after) {
    std::uint64_t number = 0;
    auto const [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failed != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (after == '\0') return text.empty() ? std::optional{number} : std::nullopt;
    if (!text.starts_with(after)) return std::nullopt;
    text.remove_prefix(1);
    return number;
}

}   // namespace

std::optional<core::ContentRange> parse_content_range(std::string_view text) {
    constexpr std::string_view kUnit = "bytes ";
    if (!text.starts_with(kUnit)) return std::nullopt;
    text.remove_prefix(kUnit.size());
    auto const first = take_number(text, '-');
    if (!first) return std::nullopt;
    auto const last = take_number(text, '/');
    if (!last) return std::nullopt;
    auto const total = take_number(text, '\0');
    if (!total || *first > *last || *last >= *total) return std::nullopt;
    return core::ContentRange{*first, *last, *total};
}

std::optional<core::Duration> parse_retry_after(std::string_view text) {
    constexpr std::uint64_t kLongest_s = 10ull * 365 * 24 * 3600;
    auto const seconds = take_number(text, '\0');
    if (!seconds) return std::nullopt;
    return std::chrono::seconds{std::min(*seconds, kLongest_s)};
}

std::string print(core::ByteRange const& range) {
    if (!range.first) return "bytes=-" + std::to_string(range.last);
    return "bytes=" + std::to_string(*range.first) + "-" + std::to_string(range.last);
}

}   // namespace net
