#pragma once
// A YAML document as a plain tree in which every value knows where it was written. Nothing is resolved: a
// scalar is its text, and whether that is a number is for config/values.hpp to say.
//
// Only what a configuration needs: one document, no anchors, aliases, tags, or keys that are not text.
// Duplicate keys are problems (yaml-cpp keeps both silently). Size, depth and number of values are limited,
// so no input can exhaust us.

#include "config/check.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace config {

inline constexpr std::size_t kLongestDocument = 256 * 1024;   // bytes
inline constexpr std::size_t kDeepestNesting = 16;
inline constexpr std::size_t kMostValues = 10'000;

struct Node {
    enum class Kind { nothing, scalar, list, mapping };
    Kind kind = Kind::nothing;
    Place at;
    std::string text;             // of a scalar
    bool quoted = false;          // "3" and not 3
    std::vector<Node> children;   // of a list or mapping, in the order written
    std::string key;              // within a mapping
    Place key_at;
};

// Nothing when `text` has no usable structure; that, and every duplicate key, is then a problem in `check`.
std::optional<Node> parse_yaml(std::string const& text, std::string const& file, Check& check);

// Foreign text for a message: cut, only printable ASCII.
std::string printable(std::string_view text);
// The same in quotes.
std::string shown(std::string_view text);

}   // namespace config
