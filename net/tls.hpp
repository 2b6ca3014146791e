#pragma once
// One TLS connection to a server that has proved its name. TLS 1.2 or newer, by OpenSSL through Asio.

#include "core/result.hpp"
#include "core/task.hpp"
#include "core/time.hpp"
#include "net/http_connect.hpp"
#include "net/http_url.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <span>

namespace net {

struct TlsTrust {
    std::optional<std::filesystem::path> authorities;   // PEM; absent: the system's
    core::WallTime judge_at{};   // certificates must be valid then, whatever the clock says
};

class TlsStream {
public:
    // Shakes hands; the certificate must be for `url.host`. Errors: io (the authorities cannot be read),
    // bad_signature
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

private:
    struct Connection;
    explicit TlsStream(std::unique_ptr<Connection> connection);
    std::unique_ptr<Connection> connection_;
};

}   // namespace net
