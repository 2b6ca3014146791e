#include "net/normal_listing.hpp"

#include "core/json.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>

namespace net {
namespace {

namespace json = core::json;

void sort(json::array& elements) {
    std::ranges::sort(elements, {}, [](json::value const& element) { return json::serialize(element); });
}

void normalise(json::value& value);

void normalise(json::object& object) {
    object.erase("handle");
    if (object.contains("timeout")) object.erase("elem");   // a set that packets fill
    for (auto& [key, part] : object) {
        if (auto* counted = part.if_object(); counted && key == "counter") {
            counted->erase("packets");
            counted->erase("bytes");
        }
        normalise(part);
        if (auto* elements = part.if_array(); elements && (key == "set" || key == "elem")) sort(*elements);
    }
}

void normalise(json::value& value) {
    if (auto* object = value.if_object()) normalise(*object);
    if (auto* list = value.if_array())
        for (auto& part : *list) normalise(part);
}

bool is_rule_of(json::value const& item, std::string_view chain) {
    auto const* object = item.if_object();
    auto const* rule = object ? object->if_contains("rule") : nullptr;
    return rule && rule->is_object() && core::string_in(rule->as_object(), "chain") == chain;
}

std::string shortened(std::string const& text) {
    constexpr std::size_t kMost = 200;
    return text.size() <= kMost ? text : text.substr(0, kMost) + "…";
}

}   // namespace

core::Result<NormalListing> normal_listing(std::string_view text, std::string_view variable) {
    auto whole = core::parse_json_object(text);
    if (!whole) return core::fail(whole, "reading nft's listing");
    auto* list = whole->if_contains("nftables");
    if (!list || !list->is_array())
        return core::fail(core::Errc::bad_input, "nft's listing has no \"nftables\"");
    NormalListing listing;
    for (auto& item : list->as_array()) {
        if (is_rule_of(item, variable)) continue;
        normalise(item);
        listing.push_back(json::serialize(item));
    }
    return listing;
}

std::string first_difference(NormalListing const& wanted, NormalListing const& found) {
    auto const [want, have] = std::ranges::mismatch(wanted, found);
    if (want == wanted.end() && have == found.end()) return {};
    auto const at_end = [](auto const& at, NormalListing const& of) {
        return at == of.end() ? "nothing" : shortened(*at);
    };
    return at_end(have, found) + " in place of " + at_end(want, wanted);
}

}   // namespace net
