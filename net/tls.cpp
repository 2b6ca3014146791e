#include "net/tls.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace net {
namespace {

namespace asio = core::asio;
using boost::system::error_code;
using core::Errc;
using core::fail;

// What Asio took from OpenSSL's queue, and the rest of the queue.
std::string words(error_code const& first) {
    auto text = first.message();
    while (auto const next = ERR_get_error()) {
        char line[256];
        ERR_error_string_n(next, line, sizeof line);
        text.append("; ").append(line);
    }
    return text;
}

bool is_about_time(long verdict) {
    return verdict == X509_V_ERR_CERT_HAS_EXPIRED || verdict == X509_V_ERR_CERT_NOT_YET_VALID;
}

Result<void> load_authorities(asio::ssl::context& context, TlsTrust const& trust) {
    error_code failed;
    if (trust.authorities)
        context.load_verify_file(trust.authorities->string(), failed);
    else
        context.set_default_verify_paths(failed);
    if (!failed) return {};
    auto const file = trust.authorities ? trust.authorities->string() : "the system's store";
    return fail(Errc::io, "cannot read the certificate authorities from " + file + ": " + words(failed));
}

// The server's alerts 42 … 46, 48, 49 and 116 (RFC 8446 section 6.2); OpenSSL's reasons are 1000 more. With
// TLS 1.3 they come after the handshake, and are a lost connection then.
bool refuses_our_certificate(error_code failed) {
    constexpr std::array kAlerts{42, 43, 44, 45, 46, 48, 49, 116};
    if (failed.category() != asio::error::get_ssl_category()) return false;
    auto const reason = ERR_GET_REASON(static_cast<unsigned long>(failed.value()));
    return std::ranges::find(kAlerts, reason - SSL_AD_REASON_OFFSET) != kAlerts.end();
}

// Never a prompt on a terminal: a key with a passphrase cannot be used here.
int no_passphrase(char*, int, int, void*) {
    return 0;
}

core::Error unusable(char const* what, std::filesystem::path const& file) {
    auto const sentence = std::string{"cannot use the client "} + what + " " + file.string() + ": ";
    if (::access(file.c_str(), R_OK) != 0) {
        auto const failed = core::fail_errno(sentence);
        ERR_clear_error();
        return fail(Errc::io, sentence + failed.code.message());
    }
    return fail(Errc::io, sentence + words(error_code{static_cast<int>(ERR_get_error()),
                                                      asio::error::get_ssl_category()}));
}

Result<void> load_identity(SSL_CTX* context, ClientIdentity const& identity) {
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    if (SSL_CTX_use_certificate_chain_file(context, identity.certificate.c_str()) != 1)
        return unusable("certificate", identity.certificate);
    bool const read = SSL_CTX_use_PrivateKey_file(context, identity.key.c_str(), SSL_FILETYPE_PEM) == 1;
    if (!read && ERR_GET_LIB(ERR_peek_last_error()) != ERR_LIB_X509) return unusable("key", identity.key);
    if (read && SSL_CTX_check_private_key(context) == 1) return {};
    ERR_clear_error();
    return fail(Errc::io, "the client key " + identity.key.string() + " does not belong to the certificate " +
                              identity.certificate.string());
}

// Once a server is verified, its authorities are of no more use: the system's are some hundred kilobytes.
void forget_authorities(SSL_CTX* context) {
    if (auto* const none = X509_STORE_new()) SSL_CTX_set_cert_store(context, none);
}

// Nobody knows how late it is, only that it is not earlier than the floor: what has begun since then counts.
int accept_later_begin(int ok, X509_STORE_CTX* context) {
    if (ok || X509_STORE_CTX_get_error(context) != X509_V_ERR_CERT_NOT_YET_VALID) return ok;
    X509_STORE_CTX_set_error(context, X509_V_OK);
    return 1;
}

bool expect_peer(SSL* ssl, std::string const& host, core::WallTime judge_at) {
    error_code not_an_address;
    asio::ip::make_address(host, not_an_address);
    auto* const rules = SSL_get0_param(ssl);
    X509_VERIFY_PARAM_set_time(rules, judge_at.time_since_epoch().count());
    X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (!not_an_address) return X509_VERIFY_PARAM_set1_ip_asc(rules, host.c_str()) == 1;
    return SSL_set_tlsext_host_name(ssl, host.c_str()) == 1 &&
           X509_VERIFY_PARAM_set1_host(rules, host.data(), host.size()) == 1;
}

}   // namespace

struct TlsStream::Connection {
    asio::ssl::context context;
    asio::ssl::stream<Tcp::socket> stream;

    Connection(asio::ssl::context made, Tcp::socket socket)
        : context{std::move(made)}, stream{std::move(socket), context} {}
};

TlsStream::TlsStream(std::unique_ptr<Connection> connection) : connection_{std::move(connection)} {}
TlsStream::TlsStream(TlsStream&&) noexcept = default;
TlsStream& TlsStream::operator=(TlsStream&&) noexcept = default;
TlsStream::~TlsStream() = default;

Task<Result<TlsStream>> TlsStream::open(Tcp::socket socket, Url url, TlsTrust trust) {
    ERR_clear_error();
    asio::ssl::context context{asio::ssl::context::tls_client};
    SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
    context.set_verify_mode(asio::ssl::verify_peer);
    SSL_CTX_set_options(context.native_handle(), SSL_OP_NO_RENEGOTIATION);   // verified once, and for good
    if (auto const loaded = load_authorities(context, trust); !loaded) co_return loaded.error();
    if (trust.identity) {
        auto const loaded = load_identity(context.native_handle(), *trust.identity);
        if (!loaded) co_return loaded.error();
    }

    auto connection = std::make_unique<Connection>(std::move(context), std::move(socket));
    auto* const ssl = connection->stream.native_handle();
    auto const failure = "TLS with " + url.peer() + " failed: ";
    if (!expect_peer(ssl, url.host, trust.judge_at))
        co_return fail(Errc::bad_input, failure + "bad host name");
    if (trust.judge_at_is_floor) SSL_set_verify(ssl, SSL_VERIFY_PEER, accept_later_begin);

    auto const [failed] = co_await connection->stream.async_handshake(asio::ssl::stream_base::client,
                                                                      asio::as_tuple(asio::use_awaitable));
    if (auto const verdict = SSL_get_verify_result(ssl); failed && verdict != X509_V_OK) {
        ERR_clear_error();
        std::string reason = X509_verify_cert_error_string(verdict);
        if (is_about_time(verdict)) reason += " (judged at " + core::print_wall_time(trust.judge_at) + ")";
        co_return fail(Errc::bad_signature, failure + reason);
    }
    if (failed)
        co_return fail(refuses_our_certificate(failed) ? Errc::bad_signature : Errc::unreachable,
                       failure + words(failed));

    forget_authorities(connection->context.native_handle());
    error_code blocking;   // read_arrived() must not wait
    connection->stream.next_layer().non_blocking(true, blocking);
    if (blocking) co_return fail(Errc::unreachable, failure + blocking.message());
    co_return TlsStream{std::move(connection)};
}

Task<Result<void>> TlsStream::write(std::string text) {
    auto const [failed, count] = co_await asio::async_write(connection_->stream, asio::buffer(text),
                                                            asio::as_tuple(asio::use_awaitable));
    if (failed) co_return fail(Errc::unreachable, words(failed));
    co_return Result<void>{};
}

Task<Result<std::size_t>> TlsStream::read(std::span<std::byte> into) {
    auto const [failed, count] = co_await connection_->stream.async_read_some(
        asio::buffer(into.data(), into.size()), asio::as_tuple(asio::use_awaitable));
    if (failed == asio::error::eof) co_return std::size_t{0};
    if (failed) co_return fail(Errc::unreachable, words(failed));
    co_return count;
}

std::optional<Result<std::size_t>> TlsStream::read_arrived(std::span<std::byte> into) {
    error_code failed;
    auto const count = connection_->stream.read_some(asio::buffer(into.data(), into.size()), failed);
    if (failed == asio::error::would_block) return std::nullopt;
    if (failed == asio::error::eof) return Result<std::size_t>{0};
    if (failed) return Result<std::size_t>{fail(Errc::unreachable, words(failed))};
    return Result<std::size_t>{count};
}

void TlsStream::rest() {
    SSL_free_buffers(connection_->stream.native_handle());   // made anew by the next byte
}

bool TlsStream::is_quiet() {
    std::byte unwanted[1];
    return !read_arrived(unwanted);
}

}   // namespace net
