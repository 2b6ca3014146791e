#include "core/sha256.hpp"

#include <openssl/sha.h>

namespace core {

Sha256 sha256(std::span<std::byte const> bytes) {
    Sha256 digest;
    SHA256(reinterpret_cast<unsigned char const*>(bytes.data()), bytes.size(), digest.data());
    return digest;
}

Sha256 sha256(std::string_view text) {
    return sha256(std::as_bytes(std::span{text}));
}

std::string to_hex(std::span<std::uint8_t const> bytes) {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string hex;
    for (auto byte : bytes) {
        hex += kDigits[byte >> 4];
        hex += kDigits[byte & 15];
    }
    return hex;
}

std::optional<Sha256> sha256_from_hex(std::string_view hex) {
    auto const digit = [](char c) -> int {
        if (c >= '0' && c <= '9') return c - '0';
        if (c >= 'a' && c <= 'f') return c - 'a' + 10;
        if (c >= 'A' && c <= 'F') return c - 'A' + 10;
        return -1;
    };
    Sha256 digest;
    if (hex.size() != 2 * digest.size()) return std::nullopt;
    for (std::size_t i = 0; i < digest.size(); ++i) {
        int const high = digit(hex[2 * i]);
        int const low = digit(hex[2 * i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        digest[i] = static_cast<std::uint8_t>(high * 16 + low);
    }
    return digest;
}

}   // namespace core
