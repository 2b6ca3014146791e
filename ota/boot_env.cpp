#include "ota/boot_env.hpp"

#include <algorithm>

namespace ota {
namespace {

void put_first(BootState& state, Slot slot) {
    std::erase(state.order, slot);
    state.order.insert(state.order.begin(), slot);
}

void keep_behind(BootState& state, Slot slot) {
    if (!state.has_in_order(slot)) state.order.push_back(slot);
}

}   // namespace

bool BootState::has_in_order(Slot slot) const noexcept {
    return std::ranges::find(order, slot) != order.end();
}

BootState with_marked_bad(BootState now, Slot slot, int attempts) {
    now.lost = false;
    keep_behind(now, core::other(slot));
    std::erase(now.order, slot);
    now.left(slot) = 0;
    now.left(core::other(slot)) = attempts;
    if (now.trial == slot) now.trial.reset();
    return now;
}

BootState with_activated(BootState now, Slot slot, int attempts) {
    now.lost = false;
    put_first(now, slot);
    keep_behind(now, core::other(slot));
    now.left(slot) = attempts;
    now.left(core::other(slot)) = attempts;
    now.trial = slot;
    return now;
}

BootState with_committed(BootState now, Slot slot, int attempts) {
    now.lost = false;
    put_first(now, slot);
    now.left(slot) = attempts;
    now.trial.reset();
    return now;
}

BootState with_refilled(BootState now, Slot slot, int attempts) {
    now.lost = false;
    now.left(slot) = attempts;
    return now;
}

}   // namespace ota
