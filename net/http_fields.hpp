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

// "Sun, 06 Nov 1994 08:49:37 GMT" (IMF-fixdate); the two obsolete forms are nothing, nor is a wrong day of
// the week.
std::optional<core::WallTime> parse_http_date(std::string_view text);

// A number of seconds, or a date, which is measured from the same reply's Date header: that both come from
// one clock is all that counts, ours may be wrong by years. At most 10 years; without Date a date is nothing.
std::optional<core::Duration> parse_retry_after(std::string_view text, std::string_view date);

// "bytes=0-499", "bytes=-65536".
std::string print(core::ByteRange const& range);

}   // namespace net
