#pragma once
// Pine64's Rock64: RK3328, arm64. platform/rock64/device.yaml.in is its device document.

#include "platform/hardware.hpp"

namespace platform {

Hardware rock64();

}   // namespace platform
