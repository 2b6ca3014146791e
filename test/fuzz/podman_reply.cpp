// What podman says: of root's own daemon, but with names, words and images that others have chosen.

#include "health/podman_reply.hpp"
#include "fuzz.hpp"

#include <algorithm>

using fuzz::must;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) {
    auto const text = fuzz::Input{bytes, size}.rest();
    auto const containers = health::parse_containers(text);
    must(containers.has_value() || !containers.error().context.empty(), "a refusal is a sentence");
    auto const images = health::parse_images(text);
    must(images.has_value() || !images.error().context.empty(), "a refusal is a sentence");
    auto const words = health::refusal_of(500, text).context;
    must(words.size() <= 400, "what podman says is told in brief");
    must(std::ranges::none_of(words, [](unsigned char c) { return c < ' '; }), "on one line");
    return 0;
}
