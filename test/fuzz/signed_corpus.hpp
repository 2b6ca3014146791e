#pragma once
// The one signed bundle of the corpus: whose signature it bears, and when that is judged.

#include "fuzz.hpp"
#include "ota/cms.hpp"

#include <fstream>
#include <iterator>
#include <string>

namespace fuzz {

inline std::filesystem::path const kCorpus = FUZZ_CORPUS;
inline constexpr core::WallTime kJudgeAt{
    std::chrono::seconds{1'900'000'000}};   // 2030; certificates last a century

inline ota::SignerRules signers() {
    return {.keyring = kCorpus / "keyring.pem", .crl = {}, .names = {}};
}

inline std::string read_corpus(std::string_view name) {
    std::ifstream in{kCorpus / name, std::ios::binary};
    std::string bytes{std::istreambuf_iterator<char>{in}, {}};
    must(!bytes.empty(), "the corpus is whole: make-corpus makes it anew");
    return bytes;
}

// What it signed. If its own signature is refused, then everything is, and nothing is tested.
inline std::string signed_manifest() {
    auto const der = read_corpus("cms/seed");
    auto const content = ota::verify_cms(std::as_bytes(std::span{der}), signers(), kJudgeAt);
    must(content.has_value(), "the corpus' own signature is accepted");
    return content->text;
}

}   // namespace fuzz
