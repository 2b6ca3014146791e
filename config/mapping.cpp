#include "config/mapping.hpp"

#include <algorithm>

namespace config {

Mapping::Mapping(Node const* node, std::string path, Place at, Check& check, bool is_wrong)
    : node_{node}, is_wrong_{is_wrong}, path_{std::move(path)}, at_{std::move(at)}, check_{check} {
    // Nothing below a key is an empty mapping: all its lines may be comments.
    if (!node_ || node_->kind == Node::Kind::mapping || node_->kind == Node::Kind::nothing) return;
    check_.problem(node_->at, (path_.empty() ? "" : path_ + ": ") + expected("a mapping", *node_).context);
    node_ = nullptr;
    is_wrong_ = true;
}

Mapping::~Mapping() {
    if (!node_) return;
    std::string list;
    for (auto const& key : known_) list += (list.empty() ? "" : ", ") + key;
    for (auto const& child : node_->children)
        if (std::ranges::find(known_, child.key) == known_.end() &&
            std::ranges::find(refused_, child.key) == refused_.end())
            check_.problem(child.key_at, full(child.key) + ": is not a known key here; known are " + list);
}

Mapping Mapping::within(std::string_view key) {
    auto const* const node = find(key);
    return {node, full(key), node ? node->key_at : at_, check_, is_wrong_};
}

Node const* Mapping::find(std::string_view key) {
    if (std::ranges::find(known_, key) == known_.end()) known_.emplace_back(key);
    if (!node_) return nullptr;
    auto const child = std::ranges::find(node_->children, key, &Node::key);
    return child == node_->children.end() ? nullptr : &*child;
}

void Mapping::refuse(std::string_view key, std::string_view why) {
    // Not find(): a refused key is not offered as a known one.
    if (!node_) return;
    for (auto const& child : node_->children)
        if (child.key == key) problem(child.key_at, key, why);
    refused_.emplace_back(key);
}

void Mapping::problem(Place const& at, std::string_view key, std::string_view what) {
    if (!is_wrong_) check_.problem(at, full(key) + ": " + std::string{what});
}

std::string Mapping::told(Place const& at, std::string_view key, std::string_view what) const {
    return Problem{at, full(key) + ": " + std::string{what}}.text();
}

std::string Mapping::full(std::string_view key) const {
    return (path_.empty() ? "" : path_ + '.') + printable(key);
}

}   // namespace config
