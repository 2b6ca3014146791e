#pragma once
// QEMU's machines: `virt` for arm64, `q35` for amd64. platform/qemu/device.yaml.in is their device document.

#include "platform/hardware.hpp"

namespace platform {

Hardware qemu();

}   // namespace platform
