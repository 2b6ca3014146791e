#include "support/certificates.hpp"

#include "core/owned.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <stdexcept>

namespace test {
namespace {

using Key = core::Owned<EVP_PKEY, EVP_PKEY_free>;
using Certificate = core::Owned<X509, X509_free>;
using Extension = core::Owned<X509_EXTENSION, X509_EXTENSION_free>;
using File = core::Owned<std::FILE, std::fclose>;

void must(bool worked, char const* what) {
    if (!worked) throw std::runtime_error{std::string{"making a test certificate: "} + what};
}

void extend(X509* certificate, X509* issuer, int kind, std::string const& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    Extension extension{X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str())};
    must(extension && X509_add_ext(certificate, extension.get(), -1), value.c_str());
}

Certificate
unsigned_certificate(EVP_PKEY* key, std::string const& name, core::WallTime from, core::WallTime until) {
    Certificate made{X509_new()};
    std::uint32_t serial = 0;
    RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial);
    X509_set_version(made.get(), X509_VERSION_3);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(made.get()), serial);
    ASN1_TIME_set(X509_getm_notBefore(made.get()), from.time_since_epoch().count());
    ASN1_TIME_set(X509_getm_notAfter(made.get()), until.time_since_epoch().count());
    X509_set_pubkey(made.get(), key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_UTF8,
                               reinterpret_cast<unsigned char const*>(name.c_str()), -1, -1, 0);
    return made;
}

File open_for_writing(std::filesystem::path const& path) {
    File file{std::fopen(path.c_str(), "we")};
    must(file != nullptr, path.c_str());
    return file;
}

void save(X509* certificate, std::filesystem::path const& path) {
    must(PEM_write_X509(open_for_writing(path).get(), certificate), path.c_str());
}

void save(EVP_PKEY* key, std::filesystem::path const& path, std::string const& passphrase = {}) {
    auto const file = open_for_writing(path);
    auto const* const cipher = passphrase.empty() ? nullptr : EVP_aes_256_cbc();
    auto const* const secret = reinterpret_cast<unsigned char const*>(passphrase.data());
    must(PEM_write_PrivateKey(file.get(), key, cipher, secret, static_cast<int>(passphrase.size()), nullptr,
                              nullptr),
         path.c_str());
}

// Who signs, and with what.
struct Authority {
    Certificate certificate;
    Key key;
};

Authority load_authority(Certificates const& files) {
    File const certificate{std::fopen(files.ca.c_str(), "re")};
    File const key{std::fopen(files.ca_key.c_str(), "re")};
    must(certificate && key, files.ca.c_str());
    Authority authority{Certificate{PEM_read_X509(certificate.get(), nullptr, nullptr, nullptr)},
                        Key{PEM_read_PrivateKey(key.get(), nullptr, nullptr, nullptr)}};
    must(authority.certificate && authority.key, files.ca.c_str());
    return authority;
}

void sign(X509* certificate, Authority const& authority, std::string const& usage) {
    X509_set_issuer_name(certificate, X509_get_subject_name(authority.certificate.get()));
    extend(certificate, authority.certificate.get(), NID_authority_key_identifier, "keyid");
    extend(certificate, authority.certificate.get(), NID_ext_key_usage, usage);
    must(X509_sign(certificate, authority.key.get(), EVP_sha256()) > 0, usage.c_str());
}

}   // namespace

Certificates make_certificates(std::filesystem::path const& in, ServerName const& name) {
    Key const authority_key{EVP_EC_gen("P-256")};
    auto const authority = unsigned_certificate(authority_key.get(), "Test CA", kValidFrom, kValidUntil);
    X509_set_issuer_name(authority.get(), X509_get_subject_name(authority.get()));
    extend(authority.get(), authority.get(), NID_subject_key_identifier, "hash");
    extend(authority.get(), authority.get(), NID_basic_constraints, "critical,CA:TRUE");
    extend(authority.get(), authority.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
    must(X509_sign(authority.get(), authority_key.get(), EVP_sha256()) > 0, "signing the authority");

    Certificates const made{in / "ca.pem", in / "ca.key", in / "server.pem", in / "server.key"};
    save(authority.get(), made.ca);
    save(authority_key.get(), made.ca_key);

    Key const server_key{EVP_EC_gen("P-256")};
    auto const server = unsigned_certificate(server_key.get(), "Test server", name.from, name.until);
    extend(server.get(), authority.get(), NID_subject_alt_name, name.alternative_names);
    sign(server.get(), load_authority(made), "serverAuth");
    save(server.get(), made.server);
    save(server_key.get(), made.server_key);
    return made;
}

ClientCertificate make_client_certificate(std::filesystem::path const& in,
                                          Certificates const& authority,
                                          std::string const& name,
                                          std::string const& passphrase) {
    Key const key{EVP_EC_gen("P-256")};
    auto const client = unsigned_certificate(key.get(), name, kValidFrom, kValidUntil);
    sign(client.get(), load_authority(authority), "clientAuth");
    ClientCertificate const made{in / (name + ".pem"), in / (name + ".key")};
    save(client.get(), made.certificate);
    save(key.get(), made.key, passphrase);
    return made;
}

}   // namespace test
