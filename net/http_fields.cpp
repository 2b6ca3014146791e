#include "net/http_fields.hpp"

#include <algorithm>
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

std::optional<core::WallTime> parse_http_date(std::string_view text) {
    constexpr std::string_view kDays = "SunMonTueWedThuFriSat";
    constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
    constexpr std::string_view kForm = "aaa, 00 aaa 0000 00:00:00 GMT";
    bool const fits = std::ranges::equal(text, kForm, [](char c, char form) {
        bool const is_digit = c >= '0' && c <= '9';
        bool const is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (form == '0') return is_digit;
        return form == 'a' ? is_letter : c == form;
    });
    if (!fits) return std::nullopt;
    auto const number = [&](std::size_t at, std::size_t digits) {
        int value = 0;
        for (char const c : text.substr(at, digits)) value = 10 * value + (c - '0');
        return value;
    };
    auto const week_day = kDays.find(text.substr(0, 3));
    auto const month = kMonths.find(text.substr(8, 3));
    bool const both_known = week_day < kDays.size() && month < kMonths.size();
    if (!both_known || week_day % 3 != 0 || month % 3 != 0) return std::nullopt;

    using namespace std::chrono;
    year_month_day const day{year{number(12, 4)}, std::chrono::month{static_cast<unsigned>(month / 3 + 1)},
                             std::chrono::day{static_cast<unsigned>(number(5, 2))}};
    if (!day.ok() || weekday{sys_days{day}} != weekday{static_cast<unsigned>(week_day / 3)})
        return std::nullopt;
    if (number(17, 2) > 23 || number(20, 2) > 59 || number(23, 2) > 60)
        return std::nullopt;   // a leap second
    return sys_days{day} + hours{number(17, 2)} + minutes{number(20, 2)} + seconds{number(23, 2)};
}

std::optional<core::Duration> parse_retry_after(std::string_view text, std::string_view date) {
    constexpr std::chrono::seconds kLongest{10ll * 365 * 24 * 3600};
    constexpr std::uint64_t kLongest_s = kLongest.count();
    auto digits = text;
    if (auto const s = take_number(digits, '\0')) return std::chrono::seconds{std::min(*s, kLongest_s)};
    auto const until = parse_http_date(text);
    auto const now = parse_http_date(date);
    if (!until || !now) return std::nullopt;
    return std::clamp(*until - *now, std::chrono::seconds{0}, kLongest);
}

std::string print(core::ByteRange const& range) {
    if (!range.first) return "bytes=-" + std::to_string(range.last);
    return "bytes=" + std::to_string(*range.first) + "-" + std::to_string(range.last);
}

}   // namespace net
