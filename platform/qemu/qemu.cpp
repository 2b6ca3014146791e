#include "platform/qemu/qemu.hpp"

namespace platform {

Hardware qemu() {
    return {.name = "qemu", .leds = {}};
}

}   // namespace platform
