#pragma once
// What the sensors of a board say. It differs with every look, so it is told when somebody asks and is no
// part of DeviceState, where each look would wake all who wait for a change.

#include <optional>
#include <string>
#include <vector>

namespace core {

struct Temperature {
    std::string sensor;   // the kernel's word for what is measured: "soc-thermal"; two may have the same
    int millicelsius = 0;
    std::optional<int> critical_millicelsius;   // where the kernel switches the device off
    bool operator==(Temperature const&) const = default;
};
using Temperatures = std::vector<Temperature>;

}   // namespace core
