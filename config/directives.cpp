#include "config/directives.hpp"

#include "config/ascii.hpp"

#include <algorithm>
#include <limits>

namespace config {
namespace {

using core::Errc;
using core::fail;

constexpr std::string_view kExec = "Exec";
constexpr auto kScalar = "a text, an integer, true or false";

bool is_key(std::string_view key) {
    return !key.empty() && is_letter(key.front()) &&
           std::ranges::all_of(key, [](char c) { return is_letter(c) || is_digit(c); });
}

// 2026-11-01, and whatever follows: a date in YAML 1.1 and in TOML.
bool is_date(std::string_view text) {
    static constexpr std::string_view kShape = "dddd-dd-dd";
    if (text.size() < kShape.size()) return false;
    return std::ranges::equal(kShape, text.substr(0, kShape.size()),
                              [](char shape, char c) { return shape == 'd' ? is_digit(c) : c == shape; });
}

// Quadlet cuts white space off the end first (unitfile.go, Parse), by Unicode's idea of it: only a character
// that is none for sure ends the reach of a backslash.
bool goes_on_in_the_next_line(std::string_view text) {
    auto const last = text.rfind('\\');
    return last != text.npos &&
           std::ranges::none_of(text.substr(last + 1), [](char c) { return c > ' ' && c <= '~'; });
}

Result<std::string> as_value(Node const& node) {
    static constexpr auto kLeast = std::numeric_limits<std::int64_t>::min();
    static constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
    if (node.kind != Node::Kind::scalar) return expected(kScalar, node);
    if (as_bool(node) || as_long_integer(node, kLeast, kMost)) return node.text;
    if (!node.quoted && is_date(node.text)) return expected("a text (put a date in quotes)", node);
    return as_line(node);
}

}   // namespace

Directives read_directives(Mapping& section, Node const& node) {
    Directives directives;
    if (node.kind != Node::Kind::mapping) return directives;   // reported by `section` itself
    for (auto const& child : node.children) {
        if (!is_key(child.key)) {
            section.refuse(child.key, "is not the name of a directive, which is letters and digits");
            continue;
        }
        section.find(child.key);   // known: Quadlet says which there are
        WrittenDirective directive{.key = child.key, .at = child.key_at, .is_list = false, .values = {}};
        directive.is_list = child.kind == Node::Kind::list;
        bool const are_words = directive.is_list && child.key == kExec;   // and will be in quotes
        auto const take = [&](Node const& value) {
            auto text = as_value(value);
            if (text && !are_words && goes_on_in_the_next_line(*text))
                text = fail(Errc::bad_input,
                            "must not end with a backslash, which would take the next line with it");
            if (text)
                directive.values.push_back({std::move(*text), value.at});
            else
                section.problem(value.at, child.key, text.error().context);
        };
        if (directive.is_list)
            std::ranges::for_each(child.children, take);
        else if (child.kind == Node::Kind::scalar)
            take(child);
        else
            section.problem(child.at, child.key,
                            expected(std::string{kScalar} + ", or a list of those", child).context);
        if (directive.is_list && child.children.empty())
            section.problem(child.at, child.key, "must have at least one value");
        directives.push_back(std::move(directive));
    }
    return directives;
}

WrittenDirective* find(Directives& directives, std::string_view key) {
    auto const found = std::ranges::find(directives, key, &WrittenDirective::key);
    return found == directives.end() ? nullptr : &*found;
}

}   // namespace config
