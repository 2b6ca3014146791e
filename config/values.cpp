#include "config/values.hpp"

#include "config/ascii.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace config {
namespace {

using core::Errc;
using core::fail;
using namespace std::chrono_literals;

constexpr core::Duration kLongestDuration = 8760h;
constexpr std::size_t kLongestPath = 4095;   // PATH_MAX without the final zero

struct Unit {
    std::string_view name;
    core::Duration length;
};
constexpr std::array<Unit, 4> kUnits{{{"h", 1h}, {"min", 1min}, {"s", 1s}, {"ms", 1ms}}};

template <class N> std::optional<N> parse_whole(std::string_view text) {
    N number{};
    auto const [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

// What YAML 1.2 takes for a number or a bool when it is not in quotes.
bool is_number(std::string_view text) {
    if (text.starts_with('+')) text.remove_prefix(1);
    return text.starts_with("0x") || text.starts_with("0o") || parse_whole<double>(text).has_value();
}
bool is_truth(std::string_view text) {
    return text == "true" || text == "True" || text == "TRUE" || text == "false" || text == "False" ||
           text == "FALSE";
}

// A text that YAML takes for one, whatever characters it is made of.
Result<std::string> as_any_text(Node const& node) {
    if (node.kind != Node::Kind::scalar) return expected("a text", node);
    if (!node.quoted && is_number(node.text)) return expected("a text (put a number in quotes)", node);
    if (!node.quoted && is_truth(node.text)) return expected("a text (put true and false in quotes)", node);
    return node.text;
}

// RFC 3629: no overlong form, no surrogate, nothing beyond U+10FFFF.
bool is_utf8(std::string_view text) {
    struct Form {
        unsigned char from, to;   // of the first byte
        int more;
        unsigned char second_from = 0x80, second_to = 0xbf;
    };
    static constexpr Form kForms[] = {
        {0x00, 0x7f, 0}, {0xc2, 0xdf, 1},       {0xe0, 0xe0, 2, 0xa0}, {0xed, 0xed, 2, 0x80, 0x9f},
        {0xe1, 0xef, 2}, {0xf0, 0xf0, 3, 0x90}, {0xf1, 0xf3, 3},       {0xf4, 0xf4, 3, 0x80, 0x8f}};
    for (std::size_t at = 0; at < text.size();) {
        auto const byte = static_cast<unsigned char>(text[at++]);
        auto const form = std::ranges::find_if(
            kForms, [&](Form const& known) { return byte >= known.from && byte <= known.to; });
        if (form == std::end(kForms) || text.size() - at < static_cast<std::size_t>(form->more)) return false;
        for (int more = 0; more < form->more; ++more) {
            auto const next = static_cast<unsigned char>(text[at++]);
            if (next < (more == 0 ? form->second_from : 0x80) || next > (more == 0 ? form->second_to : 0xbf))
                return false;
        }
    }
    return true;
}

bool is_plain_scalar(Node const& node) {
    return node.kind == Node::Kind::scalar && !node.quoted;
}

}   // namespace

bool is_alphanumeric(char c) {
    return is_digit(c) || is_letter(c);
}

core::Error expected(std::string_view what, Node const& instead) {
    auto const found = [&]() -> std::string {
        switch (instead.kind) {
        case Node::Kind::nothing:
            return "nothing";
        case Node::Kind::list:
            return "a list";
        case Node::Kind::mapping:
            return "a mapping";
        case Node::Kind::scalar:
            break;
        }
        return (instead.quoted ? "the text " : "") + shown(instead.text);
    }();
    return fail(Errc::bad_input, "expected " + std::string{what} + ", not " + found);
}

Result<std::string> as_text(Node const& node) {
    auto text = as_any_text(node);
    if (text && !std::ranges::all_of(*text, [](char c) { return c >= ' ' && c <= '~'; }))
        return fail(Errc::bad_input, "must be printable ASCII, which " + shown(*text) + " is not");
    return text;
}

Result<std::string> as_line(Node const& node) {
    auto text = as_any_text(node);
    if (!text) return text;
    if (!is_utf8(*text)) return fail(Errc::bad_input, "must be UTF-8, which " + shown(*text) + " is not");
    auto const is_control = [](char c) { return (c >= 0 && c < ' ' && c != '\t') || c == '\x7f'; };
    if (std::ranges::any_of(*text, is_control))
        return fail(Errc::bad_input,
                    "must be one line without control characters, which " + shown(*text) + " is not");
    return text;
}

Result<bool> as_bool(Node const& node) {
    if (!is_plain_scalar(node) || (node.text != "true" && node.text != "false"))
        return expected("true or false", node);
    return node.text == "true";
}

Result<int> as_integer(Node const& node, int least, int most) {
    auto const number = as_long_integer(node, least, most);
    if (!number) return number.error();
    return static_cast<int>(*number);
}

Result<std::int64_t> as_long_integer(Node const& node, std::int64_t least, std::int64_t most) {
    auto const wanted = least == most
                            ? "the integer " + std::to_string(least)
                            : "an integer from " + std::to_string(least) + " to " + std::to_string(most);
    if (!is_plain_scalar(node)) return expected(wanted, node);
    auto const number = parse_whole<std::int64_t>(node.text);
    bool const octal_elsewhere = node.text.size() > 1 &&
                                 node.text.find_first_not_of('-') != std::string::npos &&
                                 node.text[node.text.find_first_not_of('-')] == '0';
    if (!number || octal_elsewhere || *number < least || *number > most) return expected(wanted, node);
    return *number;
}

Result<core::Duration> as_duration(Node const& node, core::Duration least) {
    static constexpr auto kWanted = "a duration such as 500ms, 60s, 10min or 1h";
    if (node.kind != Node::Kind::scalar) return expected(kWanted, node);
    std::string_view const text = node.text;
    auto const digits = std::min(text.find_first_not_of("0123456789"), text.size());
    auto const unit = std::ranges::find(kUnits, text.substr(digits), &Unit::name);
    if (digits == 0 || unit == kUnits.end()) return expected(kWanted, node);

    auto const count = parse_whole<long long>(text.substr(0, digits));
    if (!count || *count > kLongestDuration / unit->length)
        return fail(Errc::bad_input, "must be at most " + print_duration(kLongestDuration));
    auto const duration = *count * unit->length;
    if (duration < least) return fail(Errc::bad_input, "must be at least " + print_duration(least));
    return duration;
}

Result<core::WallTime> as_wall_time(Node const& node) {
    if (node.kind != Node::Kind::scalar) return expected("a UTC time such as 2026-11-01T00:00:00Z", node);
    auto const when = core::parse_wall_time(node.text);
    if (!when) return expected("a UTC time such as 2026-11-01T00:00:00Z", node);
    return *when;
}

Result<std::filesystem::path> as_absolute_path(Node const& node) {
    auto const text = as_text(node);
    if (!text) return text.error();
    if (!text->starts_with('/') || text->size() > kLongestPath) return expected("an absolute path", node);
    return std::filesystem::path{*text};
}

Result<core::Ipv4> as_ipv4(Node const& node) {
    auto const address = node.kind == Node::Kind::scalar ? core::parse_ipv4(node.text) : std::nullopt;
    if (!address) return expected("an IPv4 address such as 172.20.30.10", node);
    return *address;
}

Result<std::string> as_interface_name(Node const& node) {
    auto const text = as_text(node);
    if (!text) return text.error();
    auto const allowed = [](char c) {
        return is_alphanumeric(c) || c == '_' || c == '.' || c == ':' || c == '-';
    };
    // The kernel refuses "." and ".." (net/core/dev.c, dev_valid_name).
    if (text->empty() || text->size() > 15 || !std::ranges::all_of(*text, allowed) || *text == "." ||
        *text == "..")
        return expected("an interface name of 1 to 15 letters, digits, _ . : -", node);
    return *text;
}

std::string print_duration(core::Duration d) {
    for (auto const& unit : kUnits)
        if (d % unit.length == core::Duration::zero() && (d != core::Duration::zero() || unit.name == "s"))
            return std::to_string(d / unit.length) + std::string{unit.name};
    return std::to_string(d / 1ms) + "ms";
}

}   // namespace config
