// The manifest's text, as the CMS holds it: what is accepted is within its own limits.

#include "ota/manifest.hpp"
#include "fuzz.hpp"

using fuzz::must;

namespace {

void hold(ota::Image const& image) {
    must(!image.filename.empty() &&
             image.filename.find_first_of(std::string_view{"/\\\0", 3}) == std::string::npos,
         "an image's file name is a name without a path");
    must(image.filename != "." && image.filename != "..", "an image's file name names a file");
    must(image.size > 0, "an image has bytes");
}

void hold(ota::Release const& release) {
    must(release.index <= ota::kLargestIndex && release.min_index <= ota::kLargestIndex &&
             release.lowers_floor_from <= ota::kLargestIndex,
         "an index is one that every JSON reader keeps");
    must(release.lowers_floor_from == 0 || (release.index > 0 && release.lowers_floor_from >= release.index),
         "a recovery bundle has an index that is not above the floor it lowers");
    must(release.min_revision.value_or(0) >= 0 && release.max_revision.value_or(0) >= 0,
         "a board's revision is not negative");
    if (release.waves.empty()) return;
    must(release.issued.has_value(), "waves count from a time");
    must(release.waves.back().per_cent == 100, "waves leave no device out");
    for (std::size_t i = 0; i < release.waves.size(); ++i) {
        auto const& wave = release.waves[i];
        must(wave.per_cent >= 1 && wave.after.count() >= 0 && wave.after <= std::chrono::hours{90 * 24},
             "a wave is within its limits");
        must(i == 0 ||
                 (release.waves[i - 1].after < wave.after && release.waves[i - 1].per_cent <= wave.per_cent),
             "waves grow");
    }
}

}   // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) {
    auto const text = fuzz::Input{bytes, size}.rest();
    auto const manifest = ota::parse_manifest(text);
    must(manifest.has_value() || !manifest.error().context.empty(), "a refusal is a sentence");
    if (!manifest) return 0;
    must(size <= 64 * 1024, "a manifest is at most 64 KiB");
    must(ota::is_version(manifest->version), "the version is one");
    must(!manifest->compatible.empty(), "a manifest is for some device");
    must(manifest->verity_size > 0 && manifest->verity_size % 4096 == 0, "the tree is whole blocks");
    hold(manifest->boot);
    hold(manifest->rootfs);
    hold(manifest->release);
    must(ota::parse_manifest(text) == manifest, "the same text means the same");
    return 0;
}
