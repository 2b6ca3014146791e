// The end of a bundle as a hostile server gives it: signature, sizes and manifest, before anything else is
// fetched.

#include "fuzz.hpp"
#include "ota/bundle.hpp"
#include "ota/verity.hpp"
#include "signed_corpus.hpp"
#include "support/memory_http.hpp"
#include "support/run_task.hpp"

using fuzz::must;

namespace {

struct Server {
    core::asio::io_context io;
    test::MemoryHttp http;
    ota::BundleSource source{.url = "https://updates.test/x", .headers = {}, .judge_at = fuzz::kJudgeAt};

    core::Result<ota::BundleHead> head(std::string file) {
        http.file = std::move(file);
        http.requests.clear();
        return test::run_task(io, ota::fetch_head(http, source, fuzz::signers()));
    }
};

}   // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) {
    static Server server;
    static auto const signed_hash = core::sha256(fuzz::signed_manifest());
    static bool const is_checked = server.head(fuzz::read_corpus("bundle_tail/seed")).has_value();
    must(is_checked, "the corpus' own bundle is accepted");

    auto const head = server.head(std::string{fuzz::Input{bytes, size}.rest()});
    must(head.has_value() || !head.error().context.empty(), "a refusal is a sentence");
    must(server.http.requests.size() == 1, "one request is enough");
    if (!head) return 0;
    must(head->manifest_hash == signed_hash, "nothing is accepted but what was signed");
    must(head->total_size == size && head->data_size > 0 && head->data_size % ota::kVerityBlock == 0,
         "the data is whole blocks");
    must(head->data_size + head->tree_size < head->total_size, "data and tree lie in the bundle");
    must(head->tree_size == ota::tree_size(head->data_size / ota::kVerityBlock),
         "the tree is that of the data");
    return 0;
}
