#include "net/firewall_listing.hpp"

#include "core/json.hpp"
#include "net/firewall_ruleset.hpp"

#include <algorithm>
#include <map>
#include <vector>

namespace net {
namespace {

namespace json = core::json;

// What a listing says, as far as it is compared.
struct Listing {
    std::map<std::string, std::string> bases;   // chain -> "input drop"
    std::map<std::string, int> rules;           // chain -> how many
    std::map<std::string, std::vector<std::uint16_t>> sets;
    std::string ssh;   // the verdict in chain ssh_on_wan
};

std::string text_at(json::object const& object, std::string_view key) {
    return core::string_in(object, key).value_or("");
}

// "accept" or "drop"; counters beside it do not matter.
std::string verdict_of(json::object const& rule) {
    auto const* expression = rule.if_contains("expr");
    if (!expression || !expression->is_array()) return {};
    std::string verdict;
    for (auto const& part : expression->as_array()) {
        if (!part.is_object()) return {};
        if (part.as_object().contains("counter")) continue;
        if (part.as_object().size() != 1 || !verdict.empty()) return {};
        verdict = std::string{part.as_object().begin()->key()};
    }
    return verdict;
}

std::vector<std::uint16_t> elements_of(json::object const& set) {
    std::vector<std::uint16_t> ports;
    auto const* elements = set.if_contains("elem");
    if (!elements || !elements->is_array()) return ports;
    for (auto const& element : elements->as_array())
        if (element.is_int64()) ports.push_back(static_cast<std::uint16_t>(element.as_int64()));
    std::ranges::sort(ports);
    return ports;
}

Result<Listing> read_listing(std::string_view text) {
    auto const whole = core::parse_json_object(text);
    if (!whole) return fail(whole, "reading nft's listing");
    auto const* list = whole->if_contains("nftables");
    if (!list || !list->is_array()) return fail(Errc::bad_input, "nft's listing has no \"nftables\"");
    Listing listing;
    for (auto const& item : list->as_array()) {
        if (!item.is_object()) return fail(Errc::bad_input, "nft's listing has an entry that is no object");
        for (auto const& [kind, value] : item.as_object()) {
            if (!value.is_object()) continue;
            auto const& object = value.as_object();
            if (kind == "chain" && object.contains("hook"))
                listing.bases[text_at(object, "name")] =
                    text_at(object, "hook") + ' ' + text_at(object, "policy");
            if (kind == "set") listing.sets[text_at(object, "name")] = elements_of(object);
            if (kind == "rule") ++listing.rules[text_at(object, "chain")];
            if (kind == "rule" && text_at(object, "chain") == kSshChain) listing.ssh = verdict_of(object);
        }
    }
    return listing;
}

// Counted in the text, so that it cannot be forgotten when a rule is added there.
std::map<std::string, int> rendered_rules(std::string const& text) {
    std::map<std::string, int> rules;
    std::string chain;
    for (std::size_t at = 0; at < text.size();) {
        auto const end = std::min(text.find('\n', at), text.size());
        auto const line = std::string_view{text}.substr(at, end - at);
        constexpr std::string_view kChain = "    chain ", kRule = "        ";
        if (line.starts_with(kChain))
            chain = line.substr(kChain.size(), line.find(" {") - kChain.size());
        else if (line == "    }")
            chain.clear();
        else if (!chain.empty() && line.starts_with(kRule) && line.find(" hook ") == std::string_view::npos)
            ++rules[chain];
        at = end + 1;
    }
    return rules;
}

}   // namespace

Result<void> check_listing(std::string_view text, FirewallPolicy const& policy) {
    auto const listing = read_listing(text);
    if (!listing) return listing.error();
    auto const differs = [](std::string what) {
        return fail(Errc::refused, "the kernel's table differs: " + what);
    };

    std::map<std::string, std::string> const bases{
        {"input", "input drop"}, {"output", "output accept"}, {"forward", "forward drop"}};
    if (listing->bases != bases) return differs("its base chains or their policies");
    std::string const ssh = policy.ssh_on_wan ? "accept" : "drop";
    if (listing->ssh != ssh) return differs("SSH on the WAN is not \"" + ssh + "\"");
    std::map<std::string, std::vector<std::uint16_t>> const sets{{"wan_tcp", policy.open_on_wan.tcp},
                                                                 {"wan_udp", policy.open_on_wan.udp},
                                                                 {"lan_tcp", policy.open_on_lan.tcp},
                                                                 {"lan_udp", policy.open_on_lan.udp}};
    for (auto const& [name, ports] : sets)
        if (auto const found = listing->sets.find(name);
            found == listing->sets.end() || found->second != ports)
            return differs("the ports in set " + name);
    if (listing->rules != rendered_rules(render(policy))) return differs("the number of rules in a chain");
    return {};
}

}   // namespace net
