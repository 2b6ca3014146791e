// The signature alone. Its authority's key was thrown away when the corpus was made, so what is accepted can
// only be the one manifest that it signed.

#include "ota/cms.hpp"
#include "fuzz.hpp"
#include "signed_corpus.hpp"

using fuzz::must;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) {
    static auto const signed_text = fuzz::signed_manifest();
    auto const content =
        ota::verify_cms(fuzz::Input{bytes, size}.rest_bytes(), fuzz::signers(), fuzz::kJudgeAt);
    must(content.has_value() || !content.error().context.empty(), "a refusal is a sentence");
    must(!content || content->text == signed_text, "nothing is accepted but what was signed");
    return 0;
}
