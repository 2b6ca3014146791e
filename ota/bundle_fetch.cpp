#include "ota/bundle.hpp"
#include "ota/bundle_plan.hpp"
#include "ota/bundle_range.hpp"
#include "ota/cms.hpp"
#include "ota/squashfs.hpp"

#include <algorithm>

namespace ota {

using core::Errc;
using core::fail;

namespace {

constexpr std::uint64_t kTail = 64 * 1024;   // RAUC's limit for a signature, and our one request
constexpr std::uint64_t kSizeField = 8;
constexpr std::uint64_t kLargest = 8ull << 30;   // the tree of it takes 64 MiB of memory
constexpr std::uint64_t kTablesGuess = 64 * 1024;
constexpr std::uint64_t kLargestTables = 16 * 1024 * 1024;

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
                                  std::filesystem::path const& keyring,
                                  core::WallTime judge_at) {
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
    auto const text = verify_cms(der, keyring, judge_at);
    if (!text) return text.error();
    auto manifest = parse_manifest(*text);
    if (!manifest) return manifest.error();

    auto const tree = manifest->verity_size;
    if (tree >= payload || payload - tree <= kVerityBlock ||
        tree_size((payload - tree) / kVerityBlock) != tree)
        return fail(Errc::bad_input, "manifest: [bundle] verity-size does not fit the bundle's size");
    BundleHead head;
    head.manifest = std::move(*manifest);
    head.manifest_hash = core::sha256(*text);
    head.data_size = payload - tree;
    head.tree_size = tree;
    head.total_size = total;
    return head;
}

// The hash tree, then the end of the squashfs before it and its first block. Blocks; for the pool.
struct Tables {
    HashTree tree;
    SquashfsParts parts;
    std::uint64_t start = 0;   // where the squashfs' tables begin; maybe before parts.tables
};

Result<Tables> check_tables(BundleHead const& head, std::string_view ends, std::string_view first) {
    auto const& manifest = head.manifest;
    auto const have = ends.size() - head.tree_size;
    auto tree = HashTree::check(bytes_of(ends.substr(have)), head.data_size / kVerityBlock,
                                manifest.verity_hash, manifest.verity_salt);
    if (!tree) return tree.error();
    SquashfsParts parts{
        .first = bytes_of(first), .tables = bytes_of(ends.substr(0, have)), .size = head.data_size};
    if (auto ok = tree->verify_blocks(0, parts.first); !ok) return ok.error();
    if (auto ok = tree->verify_blocks((head.data_size - have) / kVerityBlock, parts.tables); !ok)
        return ok.error();
    auto const start = tables_start(parts.first, parts.size);
    if (!start) return start.error();
    if (head.data_size - *start > kLargestTables)
        return fail(Errc::too_large, "the tables of the bundle's squashfs are larger than 16 MiB");
    return Tables{.tree = std::move(*tree), .parts = std::move(parts), .start = *start};
}

Result<std::shared_ptr<BundlePlan const>>
make_plan(BundleHead const& head, Tables tables, std::string_view missing) {
    auto& held = tables.parts.tables;
    if (!missing.empty()) {
        auto const before = bytes_of(missing);
        auto const at = head.data_size - held.size() - before.size();
        if (auto ok = tables.tree.verify_blocks(at / kVerityBlock, before); !ok) return ok.error();
        held.insert(held.begin(), before.begin(), before.end());
    }
    auto layout = find_images(tables.parts, head.manifest);
    if (!layout) return layout.error();
    std::uint64_t end = kVerityBlock;
    for (auto const& use : layout->uses)
        if (use.stored > 0) end = std::max(end, use.offset + use.stored);
    end = (end + kVerityBlock - 1) / kVerityBlock * kVerityBlock;
    return std::make_shared<BundlePlan const>(BundlePlan{
        .head = head, .tree = std::move(tables.tree), .layout = std::move(*layout), .stream_end = end});
}

}   // namespace

Task<Result<BundleHead>>
fetch_head(core::HttpClient& http, BundleSource source, std::filesystem::path keyring) {
    core::ByteRange const end{.first = std::nullopt, .last = kTail};
    auto request = request_for(source, end);
    auto const stream = co_await http.open(std::move(request));
    if (!stream) co_return fail(stream, "fetching the bundle's signature");
    auto const range = range_of((*stream)->head());
    if (!range) co_return fail(range, "fetching the bundle's signature");
    auto const wanted = std::min(kTail, range->total);
    if (range->first != range->total - wanted || range->last != range->total - 1)
        co_return fail(Errc::bad_input, "the server sent another range than the bundle's end");
    auto& body = **stream;
    auto const tail = co_await read_exactly(body, wanted);
    if (!tail) co_return fail(tail, "fetching the bundle's signature");
    auto head = head_from_tail(*tail, range->total, keyring, source.judge_at);
    if (head) head->etag = (*stream)->head().etag;
    co_return head;
}

Task<Result<std::shared_ptr<BundlePlan const>>>
fetch_plan(core::HttpClient& http, core::Workers& workers, BundleSource source, BundleHead head) {
    auto const guess = std::min(kTablesGuess, head.data_size);
    core::ByteRange const ends_range{.first = head.data_size - guess,
                                     .last = head.data_size + head.tree_size - 1};
    auto ends = co_await fetch_range(http, source, head, ends_range);
    if (!ends) co_return fail(ends, "fetching the bundle's hash tree");
    core::ByteRange const first_range{.first = 0, .last = kVerityBlock - 1};
    auto first = co_await fetch_range(http, source, head, first_range);
    if (!first) co_return fail(first, "fetching the bundle's superblock");

    auto check = [head, ends = std::move(*ends), first = std::move(*first)] {
        return check_tables(head, ends, first);
    };
    auto tables = co_await workers.run(std::move(check));
    if (!tables) co_return tables.error();

    std::string missing;
    auto const have_from = head.data_size - tables->parts.tables.size();
    auto const need_from = tables->start / kVerityBlock * kVerityBlock;
    if (need_from < have_from) {
        core::ByteRange const more{.first = need_from, .last = have_from - 1};
        auto got = co_await fetch_range(http, source, head, more);
        if (!got) co_return fail(got, "fetching the bundle's tables");
        missing = std::move(*got);
    }
    auto plan = [head, tables = std::move(*tables), missing = std::move(missing)]() mutable {
        return make_plan(head, std::move(tables), missing);
    };
    co_return co_await workers.run(std::move(plan));
}

}   // namespace ota
