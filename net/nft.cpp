#include "net/nft.hpp"

#include "core/owned.hpp"

#include <nftables/libnftables.h>

namespace net {

using core::Errc;
using core::fail;

struct Nft::Context {
    core::Owned<nft_ctx, nft_ctx_free> nft{nft_ctx_new(NFT_CTX_DEFAULT)};
};

Nft::Nft() : context_{std::make_unique<Context>()} {
    auto* nft = context_->nft.get();
    if (!nft) return;
    nft_ctx_buffer_output(nft);
    nft_ctx_buffer_error(nft);
    nft_ctx_output_set_flags(nft, NFT_CTX_OUTPUT_JSON);
}

Nft::~Nft() = default;

Result<std::string> Nft::run(std::string const& commands) {
    auto* nft = context_->nft.get();
    if (!nft) return fail(Errc::io, "libnftables could not be started");
    int const failed = nft_run_cmd_from_buffer(nft, commands.c_str());
    std::string output = nft_ctx_get_output_buffer(nft);   // both buffers begin anew with the next command
    std::string const words = nft_ctx_get_error_buffer(nft);
    if (failed) return fail(Errc::refused, "nft: " + first_words(words));
    return output;
}

Task<Result<void>> Nft::apply(std::string commands) {
    auto const done = run(commands);
    // Also of what others did just now: whoever changes the filter reads it back next, and sees that.
    events_.forget();
    if (!done) co_return fail(done, "changing the packet filter");
    co_return Result<void>{};
}

Task<Result<void>> Nft::set(OnlyRule rule) {
    auto const done = rules_.set(rule);
    events_.forget();   // as above
    if (!done) co_return fail(done, "changing chain " + rule.chain + " of the packet filter");
    co_return Result<void>{};
}

Task<Result<std::string>> Nft::list_table(std::string table) {
    auto listed = run("list table " + table);
    if (!listed) co_return fail(listed, "reading table " + table + " back");
    co_return listed;
}

std::string first_words(std::string_view error) {
    constexpr std::size_t kMost = 300;
    auto const line = error.substr(0, error.find('\n'));
    if (line.empty()) return "it gave no reason";
    return std::string{line.substr(0, kMost)};
}

}   // namespace net
