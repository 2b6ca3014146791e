#include "ota/cms.hpp"

#include "core/files.hpp"
#include "core/owned.hpp"

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

namespace ota {

using core::Errc;
using core::fail;
using core::Owned;
using core::Result;

namespace {

constexpr std::size_t kKeyringLimit = 1024 * 1024;

using Cms = Owned<CMS_ContentInfo, CMS_ContentInfo_free>;
using Store = Owned<X509_STORE, X509_STORE_free>;
using Certificate = Owned<X509, X509_free>;
using Bio = Owned<BIO, BIO_free_all>;

std::string openssl_words() {
    std::string words;
    char const* details = nullptr;
    int flags = 0;
    while (auto const code = ERR_get_error_all(nullptr, nullptr, nullptr, &details, &flags)) {
        auto const* reason = ERR_reason_error_string(code);
        if (!words.empty()) words += "; ";
        words += reason ? reason : "error " + std::to_string(ERR_GET_REASON(code));
        if (details && *details && (flags & ERR_TXT_STRING)) words += std::string{" ("} + details + ")";
    }
    return words.empty() ? "no reason given" : words;
}

// The chain's verdict reaches us only as words in the error queue.
bool blames(std::string const& words, std::initializer_list<long> verdicts) {
    for (auto verdict : verdicts)
        if (words.find(X509_verify_cert_error_string(verdict)) != std::string::npos) return true;
    return false;
}

std::string sentence_for(std::string const& words, core::WallTime judge_at) {
    auto const at = core::print_wall_time(judge_at);
    if (blames(words, {X509_V_ERR_CERT_HAS_EXPIRED}))
        return "a certificate of the bundle's signer has expired, judged at " + at + ": " + words;
    if (blames(words, {X509_V_ERR_CERT_NOT_YET_VALID}))
        return "a certificate of the bundle's signer is not yet valid, judged at " + at + ": " + words;
    if (blames(words, {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
                       X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
                       X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, X509_V_ERR_CERT_SIGNATURE_FAILURE}))
        return "the bundle is signed by a key that this device does not know: " + words;
    return "the bundle's signature does not verify: " + words;
}

Result<Store> store_of(std::filesystem::path const& keyring, core::WallTime judge_at) {
    auto const pem = core::read_file(keyring, kKeyringLimit);
    if (!pem) return fail(pem, "reading the keyring");
    Bio const bio{BIO_new_mem_buf(pem->data(), static_cast<int>(pem->size()))};
    Store store{X509_STORE_new()};
    if (!bio || !store) return fail(Errc::io, "no memory for the keyring");
    int certificates = 0;
    while (Certificate const next{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
        if (X509_STORE_add_cert(store.get(), next.get()) != 1)
            return fail(Errc::io, "the keyring " + keyring.string() + " cannot be used: " + openssl_words());
        ++certificates;
    }
    ERR_clear_error();   // the end of the file counts as an error there
    if (certificates == 0) return fail(Errc::io, "the keyring " + keyring.string() + " holds no certificate");
    X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store.get()), judge_at.time_since_epoch().count());
    return store;
}

Result<Cms> parse(std::span<std::byte const> der) {
    auto const* at = reinterpret_cast<unsigned char const*>(der.data());
    auto const* const end = at + der.size();
    Cms cms{d2i_CMS_ContentInfo(nullptr, &at, static_cast<long>(der.size()))};
    if (!cms) return fail(Errc::bad_input, "the bundle's signature is not CMS: " + openssl_words());
    if (at != end) return fail(Errc::bad_input, "the bundle's signature is followed by other bytes");
    auto const type = OBJ_obj2nid(CMS_get0_type(cms.get()));
    if (type == NID_pkcs7_enveloped) return fail(Errc::refused, "encrypted bundles are not supported");
    if (type != NID_pkcs7_signed) return fail(Errc::bad_input, "the bundle's CMS holds no signed data");
    if (CMS_is_detached(cms.get()) != 0)
        return fail(Errc::refused, "plain bundles are refused; make it with format=verity");
    return cms;
}

}   // namespace

Result<std::string>
verify_cms(std::span<std::byte const> der, std::filesystem::path const& keyring, core::WallTime judge_at) {
    ERR_clear_error();
    auto const cms = parse(der);
    if (!cms) return cms.error();
    auto const store = store_of(keyring, judge_at);
    if (!store) return store.error();
    Bio const content{BIO_new(BIO_s_mem())};
    if (!content) return fail(Errc::io, "no memory for the manifest");
    if (CMS_verify(cms->get(), nullptr, store->get(), nullptr, content.get(), CMS_BINARY) != 1)
        return fail(Errc::bad_signature, sentence_for(openssl_words(), judge_at));
    char* text = nullptr;
    auto const size = BIO_get_mem_data(content.get(), &text);
    return std::string{text, static_cast<std::size_t>(size)};
}

}   // namespace ota
