#include "ota/rollout.hpp"

#include "core/sha256.hpp"

#include <charconv>
#include <optional>

namespace ota {

using core::Errc;
using core::fail;
using core::Result;
using namespace std::chrono_literals;

namespace {

constexpr std::chrono::seconds kLatest = std::chrono::days{90};
constexpr std::size_t kMostWaves = 32;

std::optional<int> number(std::string_view text) {
    int value = 0;
    auto const [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), value);
    bool const whole = wrong == std::errc{} && end == text.data() + text.size();
    return whole && value >= 0 && value <= 1'000'000 ? std::optional{value} : std::nullopt;
}

std::optional<std::chrono::seconds> delay(std::string_view text) {
    for (auto const& [unit, length] : {std::pair{"min", 1min}, {"h", 60min}, {"d", 1440min}}) {
        if (!text.ends_with(unit)) continue;
        auto const count = number(text.substr(0, text.size() - std::string_view{unit}.size()));
        if (count && *count * std::chrono::seconds{length} <= kLatest) return *count * length;
        return std::nullopt;
    }
    return std::nullopt;
}

std::optional<Wave> wave(std::string_view text) {
    auto const colon = text.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    auto const after = delay(text.substr(0, colon));
    auto const share = number(text.substr(colon + 1));
    if (!after || !share || *share < 1 || *share > 100) return std::nullopt;
    return Wave{*after, *share};
}

}   // namespace

Result<Waves> parse_waves(std::string_view text) {
    Waves waves;
    while (!text.empty()) {
        auto const word = text.substr(0, text.find(' '));
        text.remove_prefix(std::min(word.size() + 1, text.size()));
        if (word.empty()) continue;
        auto const next = wave(word);
        if (!next)
            return fail(Errc::bad_input,
                        "must be waves such as \"1h:1 1d:15 6d:100\", each a time of at most 90 days in min, "
                        "h or d and a share of 1 to 100 per cent");
        if (!waves.empty() && (next->after <= waves.back().after || next->per_cent < waves.back().per_cent))
            return fail(Errc::bad_input, "must have growing times and shares that do not shrink");
        waves.push_back(*next);
    }
    if (waves.empty() || waves.back().per_cent != 100)
        return fail(Errc::bad_input, "must end with 100 per cent, or some devices would never be updated");
    if (waves.size() > kMostWaves) return fail(Errc::bad_input, "must be at most 32 waves");
    return waves;
}

unsigned rollout_place(std::string_view device_id) {
    if (device_id == "unknown") return kRolloutPlaces - 1;
    auto const digest = core::sha256("atomix rollout " + std::string{device_id});
    return (unsigned{digest[0]} << 8 | digest[1]) % kRolloutPlaces;
}

core::WallTime turn_of(unsigned place, Waves const& waves, core::WallTime issued) noexcept {
    for (auto const& wave : waves)
        if (place * 100 < static_cast<unsigned>(wave.per_cent) * kRolloutPlaces) return issued + wave.after;
    return issued;
}

}   // namespace ota
