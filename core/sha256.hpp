#pragma once
// SHA-256 by OpenSSL.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace core {

using Sha256 = std::array<std::uint8_t, 32>;

Sha256 sha256(std::span<std::byte const> bytes);
Sha256 sha256(std::string_view text);
std::string to_hex(std::span<std::uint8_t const> bytes);       // lower case
std::optional<Sha256> sha256_from_hex(std::string_view hex);   // exactly 64 digits

}   // namespace core
