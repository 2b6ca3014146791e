#pragma once
// What one board has that another one has not, as a value; platform/linux_board.hpp makes a Machine of it. A
// further board is one more folder with such a value and a device document.

#include <string>

namespace platform {

struct Hardware {
    std::string name;   // device.board of device.yaml
};

}   // namespace platform
