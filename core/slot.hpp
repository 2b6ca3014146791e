#pragma once
// One of the two sets of partitions a device boots from; U-Boot and RAUC call them A and B (bootname).

#include <optional>
#include <string_view>

namespace core {

enum class Slot { a, b };

constexpr Slot other(Slot slot) noexcept {
    return slot == Slot::a ? Slot::b : Slot::a;
}
constexpr char const* name(Slot slot) noexcept {
    return slot == Slot::a ? "A" : "B";
}

constexpr std::optional<Slot> slot_named(std::string_view name) noexcept {
    if (name == "A") return Slot::a;
    if (name == "B") return Slot::b;
    return std::nullopt;
}

}   // namespace core
