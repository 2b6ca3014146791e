#pragma once
// The header fields that this client understands, as values. Pure and strict: a form that is not RFC 9110's
// is absent.

#include "core/http.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace net {

// "bytes 0-499/1234"; not "bytes */1234", not an unknown total, not a range outside of the total.
std::optional<core::ContentRange> parse_content_range(std::string_view text);

// A number of seconds, at most 10 years; a date is nothing.
std::optional<core::Duration> parse_retry_after(std::string_view text);

// "bytes=0-499", "bytes=-65536".
std::string print(core::ByteRange const& range);

}   // namespace net
