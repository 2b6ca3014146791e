#pragma once
// One YAML value to one value of ours. Pure. The error's context is the sentence that follows "key: ".
//
// Stricter than YAML 1.1: 0123 is not octal, NO is not a bool, "3" is not a number and 3 is not a text.

#include "config/yaml.hpp"
#include "core/ipv4.hpp"
#include "core/result.hpp"
#include "core/time.hpp"

#include <cstdint>
#include <filesystem>
#include <string>

namespace config {

using core::Result;

bool is_alphanumeric(char c);   // of ASCII

// Errors of all: bad_input.
Result<std::string> as_text(Node const& node);   // printable ASCII, may be empty
Result<std::string> as_line(Node const& node);   // UTF-8 without control characters but tabs, may be empty
Result<bool> as_bool(Node const& node);          // true, false
Result<int> as_integer(Node const& node, int least, int most);
Result<std::int64_t> as_long_integer(Node const& node, std::int64_t least, std::int64_t most);
Result<core::Duration> as_duration(Node const& node,
                                   core::Duration least);   // "500ms", "60s", "10min", "1h"; a year at most
Result<core::WallTime> as_wall_time(Node const& node);      // "2026-11-01T00:00:00Z"
Result<std::filesystem::path> as_absolute_path(Node const& node);
Result<core::Ipv4> as_ipv4(Node const& node);              // "172.20.30.10"
Result<std::string> as_interface_name(Node const& node);   // [A-Za-z0-9_.:-]{1,15}

// As these documents write it, in the largest unit that fits.
std::string print_duration(core::Duration d);

// "expected … , not …": what a message says about a value of the wrong kind.
core::Error expected(std::string_view what, Node const& instead);

}   // namespace config
