#pragma once
// The directives of one section of a Quadlet unit, as the operator's document writes them: a text, an
// integer, true or false, or a list of those, which is the directive several times.
//
// A text is Quadlet's and systemd's own line: its quotes, specifiers (%h) and variables (${X}) mean what
// podman-systemd.unit(5) and systemd.unit(5) say. One that ends with a backslash is refused: it would take
// the next line, whatever that is, for its own end. A list of Exec is one of words, which go into quotes.

#include "config/mapping.hpp"

#include <string>
#include <vector>

namespace config {

struct WrittenValue {
    std::string text;
    Place at;
};
struct WrittenDirective {
    std::string key;
    Place at;   // the key's
    bool is_list = false;
    std::vector<WrittenValue> values;   // the good ones
};
using Directives = std::vector<WrittenDirective>;

// Those with a good name; every problem is `section`'s. Keys are letters and digits, as Quadlet's are.
Directives read_directives(Mapping& section, Node const& node);

WrittenDirective* find(Directives& directives, std::string_view key);   // null: not written

}   // namespace config
