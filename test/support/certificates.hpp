#pragma once
// Keys and certificates for TLS servers in tests, made anew in milliseconds. P-256, by OpenSSL.

#include "core/time.hpp"

#include <filesystem>
#include <string>

namespace test {

// PEM files. The server's certificate is signed by `ca`.
struct Certificates {
    std::filesystem::path ca;
    std::filesystem::path ca_key;
    std::filesystem::path server;
    std::filesystem::path server_key;
};

// Valid around FakeClock's wall time and around the real one: 2020 … 2049.
inline constexpr core::WallTime kValidFrom{std::chrono::sys_days{std::chrono::year{2020} / 1 / 1}};
inline constexpr core::WallTime kValidUntil{std::chrono::sys_days{std::chrono::year{2049} / 1 / 1}};

struct ServerName {
    std::string alternative_names = "DNS:localhost,IP:127.0.0.1,IP:::1";   // as in x509v3_config(5)
    core::WallTime from = kValidFrom;
    core::WallTime until = kValidUntil;
};

// A new authority with a server certificate of its own, in the existing directory `in`. Throws on any
// failure.
Certificates make_certificates(std::filesystem::path const& in, ServerName const& server = {});

struct ClientCertificate {
    std::filesystem::path certificate;
    std::filesystem::path key;
};

// For a client named `name`, signed by `authority`; as "<name>.pem" and "<name>.key" in `in`. A key with a
// passphrase is encrypted. Throws on any failure.
ClientCertificate make_client_certificate(std::filesystem::path const& in,
                                          Certificates const& authority,
                                          std::string const& name,
                                          std::string const& passphrase = {});

}   // namespace test
