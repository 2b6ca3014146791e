#pragma once
// A list of a document, item by item.

#include "config/mapping.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

namespace config {

// Every item that is wrong is reported at its own place; the rest comes out in order and without duplicates.
template <class T, class Parse>
std::vector<T> read_list(Mapping& mapping, std::string_view key, Node const& list, Parse parse) {
    std::vector<T> items;
    if (list.kind != Node::Kind::list) mapping.problem(list.at, key, expected("a list", list).context);
    for (auto const& node : list.children) {
        if (list.kind != Node::Kind::list) break;
        auto const item = parse(node);
        if (!item)
            mapping.problem(node.at, key, item.error().context);
        else if (auto const value = static_cast<T>(*item); std::ranges::find(items, value) == items.end())
            items.push_back(value);
    }
    return items;
}

}   // namespace config
