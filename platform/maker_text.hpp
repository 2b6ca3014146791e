#pragma once
// What a maker wrote about one board, as its firmware hands it on. Pure.
//
// A property of the device tree ends with a NUL (Devicetree Specification, 2.2.4, <string>; "serial-number"
// and "model", 3.2), a field of DMI with a line's end (drivers/firmware/dmi-id.c).

#include <string>
#include <string_view>

namespace platform {

// Without what ends it and the blanks around it. Empty: nobody wrote anything, or a word that stands for
// nothing ("To be filled by O.E.M."), or it is no printable ASCII and therefore no text for a status.
std::string maker_text(std::string_view raw);

}   // namespace platform
