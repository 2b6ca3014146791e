#include "net/resolv_conf.hpp"

#include "config/host_name.hpp"
#include "core/ipv4.hpp"

#include <algorithm>

namespace net {
namespace {

constexpr std::size_t kMostListed = 32;   // of each; glibc uses 3 servers, systemd-resolved lists all

std::string_view take_word(std::string_view& line) {
    static constexpr std::string_view kSpace = " \t\r";
    line.remove_prefix(std::min(line.find_first_not_of(kSpace), line.size()));
    auto const word = line.substr(0, line.find_first_of(kSpace));
    line.remove_prefix(word.size());
    return word;
}

// An address may name its link: fe80::1%eth0.
bool is_address(std::string_view word) {
    auto const host = config::normal_host(word.substr(0, word.find('%')));
    return host && (host->find(':') != host->npos || core::parse_ipv4(*host));
}

}   // namespace

core::Resolver parse_resolv_conf(std::string_view text) {
    core::Resolver resolver;
    while (!text.empty()) {
        auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        auto const keyword = take_word(line);
        if (keyword == "nameserver") {
            auto const word = take_word(line);
            if (is_address(word) && resolver.servers.size() < kMostListed)
                resolver.servers.emplace_back(word);
        } else if (keyword == "search" || keyword == "domain") {
            resolver.search.clear();
            for (auto word = take_word(line); !word.empty(); word = take_word(line))
                if (auto name = config::normal_dns_name(word); name && resolver.search.size() < kMostListed)
                    resolver.search.push_back(std::move(*name));
        }
    }
    return resolver;
}

}   // namespace net
