#include "platform/rock64/rock64.hpp"

namespace platform {

Hardware rock64() {
    // "Standby": node led-1 of the kernel's rk3328-rock64.dts, "standby" in older ones. The other LED shows
    // the eMMC's work. From the device tree, not from a board.
    return {.name = "rock64", .leds = {"led-1", "standby"}};
}

}   // namespace platform
