// The update server's answer, which nobody signed.

#include "ota/offer.hpp"
#include "fuzz.hpp"
#include "ota/manifest.hpp"

using fuzz::must;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) {
    auto const text = fuzz::Input{bytes, size}.rest();
    auto const offer = ota::parse_offer(text);
    must(offer.has_value() || !offer.error().context.empty(), "a refusal is a sentence");
    if (offer) {
        must(ota::is_version(offer->version), "the offered version is one");
        must(offer->bundle_url.starts_with("https://"), "a bundle is fetched by https");
    }
    auto const id = ota::device_id(text);
    must(id == "unknown" ||
             (id.size() == 12 && id.find_first_not_of("0123456789abcdef") == std::string::npos),
         "a device's id is 12 hexadecimal digits, or unknown");
    return 0;
}
