#pragma once
// From an address to a TLS connection with its host: by itself, or through a proxy.

#include "core/clock.hpp"
#include "net/proxy.hpp"
#include "net/tls.hpp"

namespace net {

// How far a request has come, for the error when its time is over.
inline constexpr char const* kLookUp = "looking up its address";   // a step
struct Progress {
    core::TimePoint until;
    std::string peer;
    std::string step;
};

// With a proxy, it alone looks up the name of `url`; certificates are judged in the same way. `progress` must
// outlive the task. Errors: those of look_up, connect_to, check_connected and TlsStream::open; bad_input (the
// proxy does not speak HTTP).
Task<Result<TlsStream>> dial(core::Clock& clock,
                             Url url,
                             TlsTrust trust,
                             std::optional<Proxy> proxy,
                             std::string user_agent,
                             Progress& progress);

}   // namespace net
