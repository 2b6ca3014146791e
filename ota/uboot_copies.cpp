#include "ota/uboot_copies.hpp"

#include <zlib.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <sstream>

namespace ota {

using core::Errc;
using core::fail;

namespace {

constexpr std::size_t kChecksum = 4;
constexpr std::size_t kMostCopies = 2;
constexpr std::size_t kLargestCopy = 16 << 20;

// As sscanf's %lli: decimal, 0x… or octal.
std::optional<std::int64_t> offset_in(std::string const& word) {
    char* end = nullptr;
    errno = 0;
    auto const value = std::strtoll(word.c_str(), &end, 0);
    if (errno != 0 || end == word.c_str() || *end != '\0') return std::nullopt;
    return value;
}

// As sscanf's %zx.
std::optional<std::size_t> size_in(std::string_view word) {
    if (word.starts_with("0x") || word.starts_with("0X")) word.remove_prefix(2);
    std::size_t value = 0;
    auto const [end, error] = std::from_chars(word.data(), word.data() + word.size(), value, 16);
    if (error != std::errc{} || end != word.data() + word.size()) return std::nullopt;
    return value;
}

std::uint32_t stored_checksum(std::span<unsigned char const> bytes) {
    std::uint32_t value = 0;
    for (std::size_t i = kChecksum; i-- > 0;) value = value << 8 | bytes[i];
    return value;
}

// Up to the empty string that ends the list, or the end of `data` where that is missing.
Variables variables_in(std::string_view data) {
    Variables variables;
    while (!data.empty() && data.front() != '\0') {
        auto const entry = data.substr(0, data.find('\0'));
        data.remove_prefix(std::min(entry.size() + 1, data.size()));
        auto const equals = entry.find('=');
        if (equals == std::string_view::npos || equals == 0 || entry.starts_with(".flags=")) continue;
        variables[std::string{entry.substr(0, equals)}] = std::string{entry.substr(equals + 1)};
    }
    return variables;
}

std::string difference(Variables const& found, Variables const& wanted) {
    for (auto const& [name, value] : wanted) {
        auto const at = found.find(name);
        if (at == found.end()) return name + " is missing";
        if (at->second != value) return name + " is '" + at->second + "' instead of '" + value + "'";
    }
    for (auto const& [name, value] : found)
        if (!wanted.contains(name)) return name + " is there and should not be";
    return "";
}

bool is_newer(std::uint8_t second, std::uint8_t first) {
    if (first == 255 && second == 0) return true;
    if (second == 255 && first == 0) return false;
    return second > first;
}

}   // namespace

std::string CopyPlace::text() const {
    std::ostringstream text;
    text << device.string() << " at " << (offset < 0 ? "-" : "") << "0x" << std::hex
         << (offset < 0 ? 0 - static_cast<std::uint64_t>(offset) : static_cast<std::uint64_t>(offset));
    return text.str();
}

Result<std::vector<CopyPlace>> parse_copy_places(std::string_view fw_env_config) {
    std::vector<CopyPlace> places;
    std::istringstream lines{std::string{fw_env_config}};
    int number = 0;
    for (std::string line; places.size() < kMostCopies && std::getline(lines, line);) {
        ++number;
        if (line.starts_with('#')) continue;
        std::istringstream words{line};
        std::string device, offset, size;
        if (!(words >> device >> offset >> size)) continue;
        auto const at = offset_in(offset);
        auto const bytes = size_in(size);
        auto const where = "line " + std::to_string(number) + " of the boot environment's description: ";
        if (!at) return fail(Errc::bad_input, where + "the offset '" + offset + "' is not a number");
        if (!bytes || *bytes <= kChecksum + 2 || *bytes > kLargestCopy)
            return fail(Errc::bad_input, where + "the size '" + size + "' is not one of 7 bytes to 16 MiB");
        places.push_back({.device = device, .offset = *at, .size = *bytes});
    }
    if (places.empty()) return fail(Errc::bad_input, "the boot environment's description names no device");
    if (places.front().size != places.back().size)
        return fail(Errc::bad_input, "the two copies of the boot environment differ in size");
    return places;
}

EnvCopy parse_copy(std::span<unsigned char const> bytes, bool has_flags) {
    EnvCopy copy;
    auto const header = kChecksum + (has_flags ? 1 : 0);
    if (bytes.size() <= header) return copy;
    if (has_flags) copy.flags = bytes[kChecksum];
    auto const data = bytes.subspan(header);
    if (::crc32_z(0, data.data(), data.size()) != stored_checksum(bytes)) return copy;
    copy.variables = variables_in({reinterpret_cast<char const*>(data.data()), data.size()});
    return copy;
}

std::optional<std::size_t> copy_in_use(std::vector<EnvCopy> const& copies) {
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < copies.size(); ++i)
        if (copies[i].variables && (!best || is_newer(copies[i].flags, copies[*best].flags))) best = i;
    return best;
}

Variables variables_in_use(std::vector<EnvCopy> const& copies) {
    auto const used = copy_in_use(copies);
    return used ? *copies[*used].variables : Variables{};
}

Result<void> check_store(std::vector<CopyPlace> const& places,
                         std::vector<EnvCopy> const& before,
                         std::vector<EnvCopy> const& after,
                         Variables const& wanted) {
    auto const used = copy_in_use(after);
    if (!used)
        return fail(Errc::io, "the boot environment on " + places.front().device.string() +
                                  " has no good copy after it was written");
    auto const place = places[*used].text();
    if (auto const differs = difference(*after[*used].variables, wanted); !differs.empty())
        return fail(Errc::io, "the boot environment reads back other values than were written: on " + place +
                                  ", " + differs);
    auto const older = copy_in_use(before);
    if (places.size() < kMostCopies || !older) return {};
    if (*older == *used)
        return fail(Errc::io, "the boot environment was written over its only good copy: on " + place);
    if (after[*older].variables != before[*older].variables)
        return fail(Errc::io, "the older copy of the boot environment was damaged when the newer one was "
                              "written: on " +
                                  places[*older].text());
    return {};
}

}   // namespace ota
