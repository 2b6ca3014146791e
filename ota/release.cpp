#include "ota/release.hpp"

#include <charconv>
#include <limits>

namespace ota {

using core::Errc;
using core::Error;
using core::fail;
using core::Result;

namespace {

using Keys = std::map<std::string, std::string, std::less<>>;

Error bad(std::string_view key, std::string_view what) {
    return fail(Errc::bad_input, "manifest: [meta.atomix] " + std::string{key} + " " + std::string{what});
}

std::string const* text_of(Keys const& keys, std::string_view key) {
    auto const found = keys.find(key);
    return found == keys.end() ? nullptr : &found->second;
}

// Digits only: no sign, no space, no other base. `into` stays as it is when the key is absent.
template <class Number>
Result<void>
take_number(Keys const& keys, std::string_view key, std::uint64_t least, std::uint64_t most, Number& into) {
    auto const* const text = text_of(keys, key);
    if (!text) return {};
    std::uint64_t number = 0;
    auto const [end, wrong] = std::from_chars(text->data(), text->data() + text->size(), number);
    if (wrong != std::errc{} || end != text->data() + text->size() || number < least || number > most)
        return bad(key,
                   "must be a decimal number from " + std::to_string(least) + " to " + std::to_string(most));
    if constexpr (std::is_same_v<Number, std::optional<int>>)
        into = static_cast<int>(number);
    else
        into = number;
    return {};
}

Result<void> take_numbers(Keys const& keys, Release& release) {
    constexpr std::uint64_t kLargestRevision = std::numeric_limits<int>::max();
    if (auto ok = take_number(keys, "index", 1, kLargestIndex, release.index); !ok) return ok;
    if (auto ok = take_number(keys, "min-index", 0, kLargestIndex, release.min_index); !ok) return ok;
    if (auto ok = take_number(keys, "lowers-floor-from", 1, kLargestIndex, release.lowers_floor_from); !ok)
        return ok;
    if (auto ok = take_number(keys, "min-revision", 0, kLargestRevision, release.min_revision); !ok)
        return ok;
    return take_number(keys, "max-revision", 0, kLargestRevision, release.max_revision);
}

Result<void> take_words(Keys const& keys, Release& release) {
    if (auto const* const issued = text_of(keys, "issued")) {
        release.issued = core::parse_wall_time(*issued);
        if (!release.issued) return bad("issued", "must be a UTC time such as 2026-11-18T00:00:00Z");
    }
    if (auto const* const security = text_of(keys, "security")) {
        if (*security != "true" && *security != "false") return bad("security", "must be true or false");
        release.security = *security == "true";
    }
    if (auto const* const text = text_of(keys, "waves")) {
        auto waves = parse_waves(*text);
        if (!waves) return bad("waves", waves.error().context);
        release.waves = std::move(*waves);
    }
    return {};
}

// What each key says may be right and the whole still make no sense.
Result<void> check_whole(Release const& release) {
    if (release.min_revision && release.max_revision && *release.min_revision > *release.max_revision)
        return bad("min-revision", "must not be above max-revision");
    if (release.lowers_floor_from > 0 && release.index == 0)
        return bad("lowers-floor-from", "needs an index to lower the floor to");
    if (release.lowers_floor_from > 0 && release.lowers_floor_from < release.index)
        return bad("lowers-floor-from", "must not be below index");
    if (!release.waves.empty() && !release.issued) return bad("waves", "need issued, from which they count");
    return {};
}

}   // namespace

Result<Release> parse_release(Keys const& keys) {
    Release release;
    if (auto ok = take_numbers(keys, release); !ok) return ok.error();
    if (auto ok = take_words(keys, release); !ok) return ok.error();
    if (auto ok = check_whole(release); !ok) return ok.error();
    return release;
}

}   // namespace ota
