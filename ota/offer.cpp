#include "ota/offer.hpp"

#include "core/json.hpp"
#include "ota/manifest.hpp"

namespace ota {

using core::Errc;
using core::fail;

core::Result<Offer> parse_offer(std::string_view text) {
    auto const object = core::parse_json_object(text);
    if (!object) return fail(object, "reading the update server's reply");
    auto const version = core::string_in(*object, "version");
    auto const url = core::string_in(*object, "bundle_url");
    if (!version) return fail(Errc::bad_input, "the update server's reply has no string \"version\"");
    if (!is_version(*version))
        return fail(Errc::bad_input, "the offered version is not of the form [A-Za-z0-9._+-]{1,128}");
    if (!url) return fail(Errc::bad_input, "the update server's reply has no string \"bundle_url\"");
    if (!url->starts_with("https://"))
        return fail(Errc::refused, "the offered bundle_url does not start with https://");
    return Offer{*version, *url};
}

std::string device_id(std::string_view mac) {
    std::string id;
    for (char c : mac) {
        bool const hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (hex)
            id += static_cast<char>(c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
        else if (c != ':')
            return "unknown";
    }
    return id.size() == 12 ? id : "unknown";
}

}   // namespace ota
