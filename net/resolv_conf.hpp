#pragma once
// resolv.conf(5), as far as it says whom this device asks. Pure.

#include "core/device_state.hpp"

#include <string_view>

namespace net {

// Lines that are something else, and words that are neither IP address nor domain, are left out. Of several
// `search` and `domain` lines the last one counts, as for glibc.
core::Resolver parse_resolv_conf(std::string_view text);

}   // namespace net
