#pragma once
// The copies of U-Boot's environment as bytes, and what must be true of them after a store. Pure.
//
// A copy is a CRC32 (zlib's, little endian) of its data, with two copies one byte of flags that the CRC does
// not cover, then "name=value\0" for each variable and one more "\0" (U-Boot include/env_internal.h;
// libubootenv src/uboot_env.c). fw_env.config has a line for each copy: device, offset, size, and more that
// only flash needs.

#include "core/result.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ota {

using core::Result;

// Where a copy is.
struct CopyPlace {
    std::filesystem::path device;
    std::int64_t offset = 0;   // bytes; negative: from the device's end
    std::size_t size = 0;      // bytes

    std::string text() const;   // "/dev/mtd0 at 0x140000"
    bool operator==(CopyPlace const&) const = default;
};

// One or two copies, as libubootenv takes them: lines with fewer than three fields mean nothing, nor do those
// after the second; size is hexadecimal with or without 0x. Errors: bad_input, naming the line.
Result<std::vector<CopyPlace>> parse_copy_places(std::string_view fw_env_config);

using Variables = std::map<std::string, std::string>;

struct EnvCopy {
    std::uint8_t flags = 0;               // with two copies only
    std::optional<Variables> variables;   // nothing: the checksum is wrong
    bool operator==(EnvCopy const&) const = default;
};

// `has_flags`: one of two. `.flags`, the types of variables, is left out: libubootenv writes it in its own
// form.
EnvCopy parse_copy(std::span<unsigned char const> bytes, bool has_flags);

// The copy that the loader begins with: of two good ones that with the greater flags, where 0 follows 255;
// the first one when they are equal. A boolean flag (flash: 1 in use, 0 not) falls under the same rule
// (U-Boot env/common.c, env_check_redund). Nothing: no copy is good, the loader begins with its built-in
// defaults.
std::optional<std::size_t> copy_in_use(std::vector<EnvCopy> const& copies);

// The variables in use; none when no copy is good.
Variables variables_in_use(std::vector<EnvCopy> const& copies);

// Whether a store has done what it must: the copy in use holds exactly `wanted`, and with two copies the one
// that was in use before is still good and says the same. Errors: io, a sentence that names the copy.
Result<void> check_store(std::vector<CopyPlace> const& places,
                         std::vector<EnvCopy> const& before,
                         std::vector<EnvCopy> const& after,
                         Variables const& wanted);

}   // namespace ota
