#pragma once
// One mapping of a document, read key by key. What is asked for is known; every other key becomes a problem
// when the Mapping goes. Messages carry the full key ("slots.a.boot").

#include "config/values.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace config {

class Mapping {
public:
    // The whole document. `document` and `check` outlive this.
    Mapping(Node const& document, Check& check) : Mapping{&document, {}, document.at, check, false} {}
    ~Mapping();   // reports the unknown keys
    Mapping(Mapping const&) = delete;
    Mapping& operator=(Mapping const&) = delete;

    // The mapping under `key`. An absent one reads like an empty one whose place is this mapping's.
    Mapping within(std::string_view key);

    // One mapping of the list under `key`.
    Mapping item(std::string_view key, Node const& node) {
        return {&node, full(key), node.at, check_, is_wrong_};
    }

    Node const* find(std::string_view key);   // null: not written
    bool is_written() const noexcept { return node_ != nullptr; }
    Place const& at() const noexcept { return at_; }

    // Keeps the default when the key is absent. False when there is a problem.
    template <class T, class Parse> bool read(std::string_view key, Field<T>& into, Parse parse) {
        auto const* const node = find(key);
        return !node || take(key, *node, into, parse);
    }
    // The same; that the key is absent is a problem, at this mapping's place.
    template <class T, class Parse> bool require(std::string_view key, Field<T>& into, Parse parse) {
        auto const* const node = find(key);
        if (!node) problem(at_, key, "is required");
        return node && take(key, *node, into, parse);
    }
    // For a key that others know: says why it may not be here.
    void refuse(std::string_view key, std::string_view why);

    void problem(Place const& at, std::string_view key, std::string_view what);
    // "atomix.yaml:4:5: network.x: …", for what is told although it is no problem.
    std::string told(Place const& at, std::string_view key, std::string_view what) const;

private:
    Mapping(Node const* node, std::string path, Place at, Check& check, bool is_wrong);

    template <class T, class Parse>
    bool take(std::string_view key, Node const& node, Field<T>& into, Parse parse) {
        auto parsed = parse(node);
        if (!parsed) {
            problem(node.at, key, parsed.error().context);
            return false;
        }
        into.value = std::move(*parsed);
        into.at = node.at;
        return true;
    }
    std::string full(std::string_view key) const;

    Node const* node_;   // null: absent or of the wrong kind
    bool is_wrong_;      // of the wrong kind: reported once, not again for every key in it
    std::string path_;
    Place at_;
    Check& check_;
    std::vector<std::string> known_;
    std::vector<std::string> refused_;
};

}   // namespace config
