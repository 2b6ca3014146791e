#include "core/slot.hpp"

#include <doctest/doctest.h>

using core::Slot;

TEST_CASE("each slot's other one is the other one, and names lead back to slots") {
    for (auto const slot : {Slot::a, Slot::b}) {
        CHECK(other(slot) != slot);
        CHECK(other(other(slot)) == slot);
        CHECK(core::slot_named(name(slot)) == slot);
    }
    CHECK(std::string_view{name(Slot::a)} == "A");
}

TEST_CASE("a slot is named A or B and nothing else") {
    for (auto const* text : {"", "a", "b", "C", "AB", "A "}) {
        CAPTURE(text);
        CHECK(!core::slot_named(text));
    }
}
