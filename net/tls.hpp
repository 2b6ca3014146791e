#pragma once
// One TLS connection to a server that has proved its name. TLS 1.2 or newer, by OpenSSL through Asio.

#include "core/result.hpp"
#include "core/task.hpp"
#include "net/http_connect.hpp"
#include "net/http_trust.hpp"
#include "net/http_url.hpp"

#include <memory>
#include <optional>
#include <span>

namespace net {

class TlsStream {
public:
    // Shakes hands; the certificate must be for `url.host`. Errors: io (a file of `trust` cannot be read),
    // bad_input (the client's certificate or key is not PEM, or they do not belong together), bad_signature
    // ("TLS with updates.example:443 failed: certificate has expired …"), unreachable (not TLS, or lost).
    static Task<Result<TlsStream>> open(Tcp::socket socket, Url url, TlsTrust trust);

    TlsStream(TlsStream&&) noexcept;
    TlsStream& operator=(TlsStream&&) noexcept;
    ~TlsStream();   // closes at once

    // Errors of all three: unreachable, with the reason only.
    Task<Result<void>> write(std::string text);
    // At least one byte, or 0 when the peer said goodbye. A connection cut without one is an error.
    Task<Result<std::size_t>> read(std::span<std::byte> into);
    // The same for what has arrived already; nothing when it would have to wait.
    std::optional<Result<std::size_t>> read_arrived(std::span<std::byte> into);

    // Between two requests: gives the memory back that only moving bytes needs.
    void rest();
    // Nothing has arrived, no goodbye either. What has arrived is lost.
    bool is_quiet();

private:
    struct Connection;
    explicit TlsStream(std::unique_ptr<Connection> connection);
    std::unique_ptr<Connection> connection_;
};

}   // namespace net
