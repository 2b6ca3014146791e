#include "ota/cms.hpp"

#include "config/yaml.hpp"
#include "core/files.hpp"
#include "core/owned.hpp"

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <ctime>

namespace ota {

using core::Errc;
using core::fail;
using core::Owned;
using core::Result;

namespace {

constexpr std::size_t kPemLimit = 1024 * 1024;

using Cms = Owned<CMS_ContentInfo, CMS_ContentInfo_free>;
using Store = Owned<X509_STORE, X509_STORE_free>;
using Certificate = Owned<X509, X509_free>;
using Revoked = Owned<X509_CRL, X509_CRL_free>;
void free_stack(STACK_OF(X509) * signers) {
    sk_X509_free(signers);   // the certificates in it stay the CMS's
}
using Signers = Owned<STACK_OF(X509), free_stack>;
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
    if (blames(words, {X509_V_ERR_CERT_REVOKED})) return "the bundle's signer has been revoked: " + words;
    if (blames(words, {X509_V_ERR_UNABLE_TO_GET_CRL, X509_V_ERR_CRL_SIGNATURE_FAILURE,
                       X509_V_ERR_KEYUSAGE_NO_CRL_SIGN}))
        return "this device's list of revoked signers does not serve for the bundle's signer: " + words;
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

// A list of revoked certificates that is out of date, or of a time that this device's clock has not reached,
// still revokes what it lists, and nothing else.
int accept_any_date_of_lists(int ok, X509_STORE_CTX* context) {
    auto const verdict = X509_STORE_CTX_get_error(context);
    if (ok || (verdict != X509_V_ERR_CRL_HAS_EXPIRED && verdict != X509_V_ERR_CRL_NOT_YET_VALID)) return ok;
    X509_STORE_CTX_set_error(context, X509_V_OK);
    return 1;
}

// As in net/tls.cpp. The signed time of the signature says nothing: it is the signer's.
int accept_later_begin(int ok, X509_STORE_CTX* context) {
    if (accept_any_date_of_lists(ok, context)) return 1;
    if (X509_STORE_CTX_get_error(context) != X509_V_ERR_CERT_NOT_YET_VALID) return 0;
    X509_STORE_CTX_set_error(context, X509_V_OK);
    return 1;
}

// Adds every object of the file to the store, at least one.
template <class Object, auto read_next, auto add>
Result<void> add_all(X509_STORE* store, std::filesystem::path const& file, std::string const& what) {
    auto const pem = core::read_file(file, kPemLimit);
    if (!pem) return fail(pem, "reading the " + what);
    Bio const bio{BIO_new_mem_buf(pem->data(), static_cast<int>(pem->size()))};
    if (!bio) return fail(Errc::io, "no memory for the " + what);
    int count = 0;
    while (Object const next{read_next(bio.get(), nullptr, nullptr, nullptr)}) {
        if (add(store, next.get()) != 1)
            return fail(Errc::io,
                        "the " + what + " " + file.string() + " cannot be used: " + openssl_words());
        ++count;
    }
    bool const at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    if (!at_end)
        return fail(Errc::io, "the " + what + " " + file.string() + " cannot be used: " + openssl_words());
    ERR_clear_error();
    if (count == 0)
        return fail(Errc::io, "the " + what + " " + file.string() + " holds no " +
                                  (std::is_same_v<Object, Revoked> ? "CRL" : "certificate"));
    return {};
}

Result<Store> store_of(SignerRules const& rules, core::WallTime judge_at, bool judge_at_is_floor) {
    Store store{X509_STORE_new()};
    if (!store) return fail(Errc::io, "no memory for the keyring");
    auto added =
        add_all<Certificate, PEM_read_bio_X509, X509_STORE_add_cert>(store.get(), rules.keyring, "keyring");
    if (added && rules.crl) {
        added = add_all<Revoked, PEM_read_bio_X509_CRL, X509_STORE_add_crl>(store.get(), *rules.crl,
                                                                            "list of revoked signers");
        X509_STORE_set_flags(store.get(), X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
        X509_STORE_set_verify_cb(store.get(), accept_any_date_of_lists);
    }
    if (!added) return added.error();
    if (judge_at_is_floor) X509_STORE_set_verify_cb(store.get(), accept_later_begin);
    X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store.get()), judge_at.time_since_epoch().count());
    return store;
}

// Empty if it has none.
std::string common_name(X509 const* certificate) {
    auto const* const subject = X509_get_subject_name(certificate);
    auto const at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0) return {};
    unsigned char* text = nullptr;
    auto const length =
        ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (length < 0) return {};
    std::string name{reinterpret_cast<char const*>(text), static_cast<std::size_t>(length)};
    OPENSSL_free(text);
    return name;
}

core::WallTime earliest_end(CMS_ContentInfo* cms) {
    Signers const signers{CMS_get0_signers(cms)};
    auto earliest = core::WallTime::max();
    for (int i = 0; i < sk_X509_num(signers.get()); ++i) {
        std::tm end{};
        if (ASN1_TIME_to_tm(X509_get0_notAfter(sk_X509_value(signers.get(), i)), &end) == 1)
            earliest = std::min(earliest, core::WallTime{std::chrono::seconds{::timegm(&end)}});
    }
    return earliest;
}

// Of a CMS that is verified: before, anybody may have put any certificate into it.
Result<void> check_names(CMS_ContentInfo* cms, std::vector<std::string> const& allowed) {
    if (allowed.empty()) return {};
    Signers const signers{CMS_get0_signers(cms)};
    std::string found;
    for (int i = 0; i < sk_X509_num(signers.get()); ++i) {
        auto const name = common_name(sk_X509_value(signers.get(), i));
        if (std::ranges::find(allowed, name) != allowed.end()) return {};
        found += (found.empty() ? "" : ", ") + config::shown(name);
    }
    return fail(Errc::bad_signature,
                "the bundle is signed by " + found + ", who may not sign bundles for this device");
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

Result<SignedContent> verify_cms(std::span<std::byte const> der,
                                 SignerRules const& rules,
                                 core::WallTime judge_at,
                                 bool judge_at_is_floor) {
    ERR_clear_error();
    auto const cms = parse(der);
    if (!cms) return cms.error();
    auto const store = store_of(rules, judge_at, judge_at_is_floor);
    if (!store) return store.error();
    Bio const content{BIO_new(BIO_s_mem())};
    if (!content) return fail(Errc::io, "no memory for the manifest");
    // CMS_NOCRL: the bundle may carry lists too, and a revoked signer would carry one from better days.
    if (CMS_verify(cms->get(), nullptr, store->get(), nullptr, content.get(), CMS_BINARY | CMS_NOCRL) != 1)
        return fail(Errc::bad_signature, sentence_for(openssl_words(), judge_at));
    if (auto const ok = check_names(cms->get(), rules.names); !ok) return ok.error();
    char* text = nullptr;
    auto const size = BIO_get_mem_data(content.get(), &text);
    return SignedContent{.text = {text, static_cast<std::size_t>(size)},
                         .signers_valid_until = earliest_end(cms->get())};
}

}   // namespace ota
