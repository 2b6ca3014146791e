#pragma once
// The connection that is kept between two requests, as long as it is worth it: at most one, at most 15 s.
//
// While it rests nothing reads from it and no timer runs: whether it is still good is asked when it is
// needed.

#include "core/time.hpp"
#include "net/tls.hpp"

#include <optional>
#include <string>

namespace net {

// Only where all of it is the same, a connection serves another request.
struct ConnectionKey {
    std::string host;
    std::uint16_t port = 0;
    TlsTrust trust;
    bool operator==(ConnectionKey const&) const = default;
};

class IdleConnection {
public:
    static constexpr core::Duration kLongest = std::chrono::seconds{15};

    // The reply must have been read to its end. Closes the one that was kept before.
    void keep(ConnectionKey key, TlsStream stream, core::TimePoint now);
    // Nothing when there is none, or it is for another server, too old, or closed by the server; then it is
    // closed here too.
    std::optional<TlsStream> take(ConnectionKey const& key, core::TimePoint now);

private:
    struct Kept {
        ConnectionKey key;
        TlsStream stream;
        core::TimePoint since;
    };
    std::optional<Kept> kept_;
};

}   // namespace net
