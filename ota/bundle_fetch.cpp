#include "ota/bundle.hpp"
#include "ota/bundle_plan.hpp"
#include "ota/bundle_range.hpp"
#include "ota/leaf_window.hpp"
#include "ota/range_reader.hpp"
#include "ota/squashfs.hpp"

#include <algorithm>

namespace ota {

using core::Errc;
using core::fail;

namespace {

constexpr std::uint64_t kTail = 64 * 1024;   // RAUC's limit for a signature, and our one request
constexpr std::uint64_t kSizeField = 8;
constexpr std::uint64_t kLargest = 8ull << 30;
constexpr std::uint64_t kTablesGuess = 64 * 1024;
constexpr std::uint64_t kLargestTables = 4 * 1024 * 1024;   // a bundle has a handful of files

std::vector<std::byte> bytes_of(std::string_view text) {
    auto const bytes = std::as_bytes(std::span{text});
    return {bytes.begin(), bytes.end()};
}

std::uint64_t big_endian(std::string_view eight) {
    std::uint64_t value = 0;
    for (char c : eight) value = value << 8 | static_cast<unsigned char>(c);
    return value;
}

// `tail` is the end of a bundle of `total` bytes.
Result<BundleHead> head_from_tail(std::string_view tail,
                                  std::uint64_t total,
                                  SignerRules const& signers,
                                  BundleSource const& source) {
    if (tail.size() <= kSizeField)
        return fail(Errc::bad_input, "the bundle is truncated: it has no signature");
    if (total > kLargest) return fail(Errc::too_large, "the bundle is larger than 8 GiB");
    auto const signature_size = big_endian(tail.substr(tail.size() - kSizeField));
    if (signature_size == 0 || signature_size > kTail - kSizeField ||
        signature_size > tail.size() - kSizeField)
        return fail(Errc::bad_input, "the bundle is truncated or no bundle: its signature size is " +
                                         std::to_string(signature_size));
    auto const payload = total - kSizeField - signature_size;
    if (payload == 0 || payload % kVerityBlock != 0)
        return fail(Errc::bad_input,
                    "the bundle is truncated: what is signed is not whole blocks of 4096 bytes");

    auto const der =
        std::as_bytes(std::span{tail}).subspan(tail.size() - kSizeField - signature_size, signature_size);
    auto const content = verify_cms(der, signers, source.judge_at, source.judge_at_is_floor);
    if (!content) return content.error();
    auto manifest = parse_manifest(content->text);
    if (!manifest) return manifest.error();
    // A commit of it lifts the floor of this device's time, and this much of it needs no clock to be seen.
    if (auto const& issued = manifest->release.issued; issued && *issued > content->signers_valid_until)
        return fail(Errc::bad_input, "the bundle says it was issued at " + core::print_wall_time(*issued) +
                                         ", after the certificate of its signer ended at " +
                                         core::print_wall_time(content->signers_valid_until));

    auto const tree = manifest->verity_size;
    if (tree >= payload || payload - tree <= kVerityBlock ||
        tree_size((payload - tree) / kVerityBlock) != tree)
        return fail(Errc::bad_input, "manifest: [bundle] verity-size does not fit the bundle's size");
    BundleHead head;
    head.manifest = std::move(*manifest);
    head.manifest_hash = core::sha256(content->text);
    head.data_size = payload - tree;
    head.tree_size = tree;
    head.total_size = total;
    return head;
}

// What has come so far of what a plan is made of.
struct Parts {
    HashTree tree;
    std::shared_ptr<Leaves const> leaves;   // all of them, if they are held
    SquashfsParts squashfs;
};

Result<std::shared_ptr<BundlePlan const>> make_plan(BundleHead const& head, Parts parts) {
    auto layout = find_images(parts.squashfs, head.manifest);
    if (!layout) return layout.error();
    return std::make_shared<BundlePlan const>(BundlePlan{.head = head,
                                                         .tree = std::move(parts.tree),
                                                         .leaves = std::move(parts.leaves),
                                                         .layout = std::move(*layout)});
}

// Fetches what a plan is made of and checks each part before it is used.
class PlanFetch {
public:
    PlanFetch(RangeReader reader, core::Workers& workers, BundleHead head)
        : reader_{std::move(reader)}, workers_{workers}, head_{std::move(head)} {}

    Task<Result<Parts>> run(std::uint64_t largest_tree_held) {
        auto ends = co_await fetch_ends();
        if (!ends) co_return ends.error();
        auto tree = HashTree::check(ends->substr(ends->size() - upper_size()), blocks(),
                                    head_.manifest.verity_hash, head_.manifest.verity_salt);
        if (!tree) co_return tree.error();
        ends->resize(ends->size() - upper_size());
        Parts parts{.tree = std::move(*tree), .leaves = nullptr, .squashfs = {}};
        if (head_.tree_size <= largest_tree_held) {
            auto const leaves = co_await all_leaves(parts.tree);
            if (!leaves) co_return leaves.error();
            parts.leaves = *leaves;
        }
        auto const got = co_await fetch_squashfs(parts, std::move(*ends));
        if (!got) co_return got.error();
        co_return parts;
    }

private:
    std::uint64_t blocks() const { return head_.data_size / kVerityBlock; }
    std::uint64_t upper_size() const { return tree_levels(blocks()).back().offset; }

    // The end of the squashfs and the tree's upper levels, which follow it.
    Task<Result<std::string>> fetch_ends() {
        auto const first = head_.data_size - std::min(kTablesGuess, head_.data_size);
        auto got = co_await reader_.fetch(first, head_.data_size + upper_size());
        if (!got) co_return fail(got, "fetching the bundle's hash tree");
        co_return got;
    }

    Task<Result<std::shared_ptr<Leaves const>>> all_leaves(HashTree const& tree) {
        auto bytes =
            co_await reader_.fetch(head_.data_size + tree.upper_size(), head_.data_size + head_.tree_size);
        if (!bytes) co_return fail(bytes, "fetching the bundle's hash tree");
        co_return co_await checked_leaves(workers_, tree, 0, std::move(*bytes));
    }

    // `bytes` are the data from block `block` on.
    Task<Result<void>> verify(Parts const& parts, std::uint64_t block, std::span<std::byte const> bytes) {
        auto leaves = parts.leaves;
        if (!leaves) {
            auto const fetched = co_await fetch_leaves(reader_, workers_, head_, parts.tree, block);
            if (!fetched) co_return fetched.error();
            leaves = *fetched;
        }
        co_return leaves->verify_blocks(block, bytes);
    }

    Task<Result<void>> fetch_squashfs(Parts& parts, std::string end) {
        auto& squashfs = parts.squashfs;
        squashfs.size = head_.data_size;
        squashfs.tables = bytes_of(end);
        auto const have_from = head_.data_size - squashfs.tables.size();
        auto good = co_await verify(parts, have_from / kVerityBlock, squashfs.tables);
        if (!good) co_return good;

        auto const first = co_await reader_.fetch(0, kVerityBlock);
        if (!first) co_return fail(first, "fetching the bundle's superblock");
        squashfs.first = bytes_of(*first);
        good = co_await verify(parts, 0, squashfs.first);
        if (!good) co_return good;

        auto const start = tables_start(squashfs.first, squashfs.size);
        if (!start) co_return start.error();
        if (head_.data_size - *start > kLargestTables)
            co_return fail(Errc::too_large, "the tables of the bundle's squashfs are larger than 4 MiB");
        auto const need_from = *start / kVerityBlock * kVerityBlock;
        if (need_from >= have_from) co_return Result<void>{};
        auto const missing = co_await reader_.fetch(need_from, have_from);
        if (!missing) co_return fail(missing, "fetching the bundle's tables");
        auto const before = bytes_of(*missing);
        good = co_await verify(parts, need_from / kVerityBlock, before);
        if (!good) co_return good;
        squashfs.tables.insert(squashfs.tables.begin(), before.begin(), before.end());
        co_return Result<void>{};
    }

    RangeReader reader_;
    core::Workers& workers_;
    BundleHead head_;
};

}   // namespace

Task<Result<BundleHead>> fetch_head(core::HttpClient& http, BundleSource source, SignerRules signers) {
    core::ByteRange const end{.first = std::nullopt, .last = kTail};
    auto request = request_for(source, end);
    auto const stream = co_await http.open(std::move(request));
    if (!stream) co_return fail(stream, "fetching the bundle's signature");
    note_retry_after(source, (*stream)->head());
    auto const range = range_of((*stream)->head());
    if (!range) co_return fail(range, "fetching the bundle's signature");
    auto const wanted = std::min(kTail, range->total);
    if (range->first != range->total - wanted || range->last != range->total - 1)
        co_return fail(Errc::bad_input, "the server sent another range than the bundle's end");
    auto& body = **stream;
    auto const tail = co_await read_exactly(body, wanted);
    if (!tail) co_return fail(tail, "fetching the bundle's signature");
    auto head = head_from_tail(*tail, range->total, signers, source);
    if (head) head->etag = (*stream)->head().etag;
    co_return head;
}

Task<Result<std::shared_ptr<BundlePlan const>>> fetch_plan(core::HttpClient& http,
                                                           core::Clock& clock,
                                                           core::Workers& workers,
                                                           BundleSource source,
                                                           BundleHead head,
                                                           Patience patience,
                                                           std::uint64_t largest_tree_held) {
    PlanFetch fetch{RangeReader{http, clock, std::move(source), head, patience}, workers, head};
    auto parts = co_await fetch.run(largest_tree_held);
    if (!parts) co_return parts.error();
    auto plan = [head, kept = std::move(*parts)]() mutable { return make_plan(head, std::move(kept)); };
    co_return co_await workers.run(std::move(plan));
}

}   // namespace ota
