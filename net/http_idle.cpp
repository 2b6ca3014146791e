#include "net/http_idle.hpp"

#include <utility>

namespace net {

void IdleConnection::keep(ConnectionKey key, TlsStream stream, core::TimePoint now) {
    stream.rest();
    kept_.emplace(Kept{std::move(key), std::move(stream), now});
}

std::optional<TlsStream> IdleConnection::take(ConnectionKey const& key, core::TimePoint now) {
    auto kept = std::exchange(kept_, std::nullopt);
    if (!kept || kept->key != key || now - kept->since > kLongest) return std::nullopt;
    if (!kept->stream.is_quiet()) return std::nullopt;
    return std::move(kept->stream);
}

}   // namespace net
