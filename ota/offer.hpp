#pragma once
// The update server's answer: {"version": "1.2.0", "bundle_url": "https://…"}. It is unsigned and decides
// nothing; the signed manifest must say the same version. Pure.

#include "core/result.hpp"

#include <string>
#include <string_view>

namespace ota {

struct Offer {
    std::string version;
    std::string bundle_url;
    bool operator==(Offer const&) const = default;
};

// Extra members are ignored. Errors: bad_input, naming the member and what is wrong; refused (URL is not
// https).
core::Result<Offer> parse_offer(std::string_view text);

// "aa:bb:cc:dd:ee:ff" -> "aabbccddeeff"; "unknown" for anything else.
std::string device_id(std::string_view mac);

}   // namespace ota
