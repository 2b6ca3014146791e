#pragma once
// What goes over UDP.

#include <cstdint>
#include <vector>

namespace health {

using Datagram = std::vector<std::uint8_t>;

}   // namespace health
