#pragma once
// What one board has that another one has not, as a value; platform/linux_board.hpp makes a Machine of it. A
// further board is one more folder with such a value and a device document.

#include <string>
#include <vector>

namespace platform {

struct Hardware {
    std::string name;                // device.board of device.yaml
    std::vector<std::string> leds;   // names below /sys/class/leds; the first one that is there is used
};

}   // namespace platform
