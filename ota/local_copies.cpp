#include "ota/local_copies.hpp"

#include "ota/image_index.hpp"
#include "ota/leaf_window.hpp"
#include "ota/slot_target.hpp"
#include "ota/squashfs_inflate.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <unordered_map>

namespace ota {

using core::Errc;
using core::fail;

namespace {

constexpr std::size_t kMibsAtOnce = 8;   // looked at per call, so that a cancellation is never far away

// A block that this device has, to be found by its hash and size.
struct LocalBlock {
    std::uint32_t size = 0;
    std::uint32_t file = 0;
    std::uint64_t offset = 0;
};
using Haystack = std::unordered_multimap<BlockHash, LocalBlock>;

// One search, step by step: what it has found so far.
struct Search {
    RangeReader reader;
    core::Workers& workers;
    std::shared_ptr<BundlePlan const> plan;
    SlotTargets targets;
    LocalSources local;
    std::shared_ptr<Found> found;

    std::uint32_t add_file(std::filesystem::path path) const {
        found->files.push_back(std::move(path));
        return static_cast<std::uint32_t>(found->files.size() - 1);
    }
    void note(std::string_view what, core::Error const& why) const {
        found->notes.push_back(std::string{what} + ": " + why.text());
    }
};

// --- what an earlier attempt wrote ---

core::Result<bool> holds(int fd, Stretch stretch, core::Sha256 const& wanted, std::vector<std::byte>& room) {
    room.resize(stretch.size);
    for (std::uint64_t have = 0; have < stretch.size;) {
        auto const n =
            ::pread(fd, room.data() + have, stretch.size - have, static_cast<off_t>(stretch.offset + have));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return core::fail_errno("reading the spare slot");
        if (n == 0) return false;
        have += static_cast<std::uint64_t>(n);
    }
    ::posix_fadvise(fd, static_cast<off_t>(stretch.offset), static_cast<off_t>(stretch.size),
                    POSIX_FADV_DONTNEED);
    return core::sha256(std::span<std::byte const>{room}) == wanted;
}

// The recorded MiB that the slot still holds; those without a hash are left to the hash tree. For the pool.
std::vector<WrittenMib> still_there(std::filesystem::path const& slot,
                                    std::span<WrittenMib const> recorded,
                                    std::uint64_t image_size) {
    core::OwnedFd const fd{::open(slot.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!fd) return {};
    std::vector<WrittenMib> there;
    std::vector<std::byte> room;
    for (auto const& mib : recorded) {
        auto const stretch = bytes_of_mib(mib.number, image_size);
        if (stretch.size == 0) continue;
        auto const good = mib.sha256 ? holds(fd.get(), stretch, *mib.sha256, room) : true;
        if (good && *good) there.push_back(mib);
    }
    return there;
}

// Bytes image_offset … + size lie in recorded MiB, with a hash if `hashed`.
bool is_within(std::vector<WrittenMib> const& mibs, std::uint64_t offset, std::uint64_t size, bool hashed) {
    if (offset < kSlotHead) return false;   // the head is only written at the end
    for (auto number = offset / kMib; number <= (offset + size - 1) / kMib; ++number) {
        auto const mib = std::ranges::lower_bound(mibs, number, {}, &WrittenMib::number);
        if (mib == mibs.end() || mib->number != number || (hashed && !mib->sha256)) return false;
    }
    return true;
}

// Uses that alone fill a stored block, so that the block is in the slot exactly if this use is.
std::vector<Use> alone_in_their_blocks(std::vector<Use> const& uses) {
    std::vector<Use> alone;
    for (std::size_t i = 0; i < uses.size(); ++i) {
        bool const shared = (i > 0 && uses[i - 1].stored > 0 && uses[i - 1].offset == uses[i].offset) ||
                            (i + 1 < uses.size() && uses[i].stored > 0 && uses[i + 1].stored > 0 &&
                             uses[i + 1].offset == uses[i].offset);
        if (!shared && uses[i].block_offset == 0 && uses[i].length == uses[i].stored)
            alone.push_back(uses[i]);
    }
    return alone;
}

void resume_image(Search const& search, Target image, std::vector<WrittenMib> mibs) {
    auto const& uses = search.plan->layout.uses;
    for (std::size_t i = 0; i < uses.size(); ++i)
        if (uses[i].image == image && is_within(mibs, uses[i].image_offset, uses[i].length, true))
            search.found->is_done[i] = true;
    auto const size =
        image == Target::boot ? search.plan->head.manifest.boot.size : search.plan->head.manifest.rootfs.size;
    auto const file = search.add_file(image == Target::boot ? search.targets.boot : search.targets.rootfs);
    auto const runs = raw_runs(alone_in_their_blocks(uses), image);
    for (auto const& mib : mibs) {
        auto const stretch = bytes_of_mib(mib.number, size);
        add_copies(search.found->copies, runs, stretch.offset, stretch.size,
                   {.file = file, .file_offset = stretch.offset, .in_place = true});
    }
    search.found->progress.of(image) = std::move(mibs);
}

Task<void> find_written(Search& search) {
    auto const& recorded = search.local.progress;
    if (!recorded || recorded->manifest_hash != search.plan->head.manifest_hash) co_return;
    for (auto const image : {Target::boot, Target::rootfs}) {
        auto const& manifest = search.plan->head.manifest;
        auto const& slot = image == Target::boot ? search.targets.boot : search.targets.rootfs;
        auto const size = image == Target::boot ? manifest.boot.size : manifest.rootfs.size;
        std::vector<WrittenMib> mibs;
        for (std::span<WrittenMib const> left{recorded->of(image)}; !left.empty();) {
            auto const some = left.first(std::min(left.size(), kMibsAtOnce));
            left = left.subspan(some.size());
            auto look = [&slot, some, size] { return still_there(slot, some, size); };
            auto const there = co_await search.workers.run(std::move(look));
            mibs.insert(mibs.end(), there.begin(), there.end());
        }
        resume_image(search, image, std::move(mibs));
    }
}

// --- what the running slot has ---

// A small file of the bundle, verified.
Task<Result<std::string>> fetch_file(Search& search, std::vector<Use> const& uses) {
    auto const& layout = search.plan->layout;
    auto inflater = Inflater::make(layout.compression, layout.block_size);
    if (!inflater) co_return inflater.error();
    std::string file;
    std::shared_ptr<Leaves const> window;
    for (auto const& use : uses) {
        if (use.stored == 0) {
            file.append(use.length, '\0');
            continue;
        }
        auto const first = use.offset / kVerityBlock;
        auto const end = (use.offset + use.stored + kVerityBlock - 1) / kVerityBlock;
        auto const begun = co_await search.reader.begin(first * kVerityBlock, end * kVerityBlock);
        if (!begun) co_return begun.error();
        std::vector<std::byte> bytes((end - first) * kVerityBlock);
        auto const got = co_await search.reader.read(bytes);
        if (!got) co_return got.error();
        auto const leaves =
            co_await leaves_for(search.reader, search.workers, search.plan, window, first, end);
        if (!leaves) co_return leaves.error();
        auto const good = (*leaves)->verify_blocks(first, bytes);
        if (!good) co_return good.error();
        auto stored =
            std::span<std::byte const>{bytes}.subspan(use.offset - first * kVerityBlock, use.stored);
        std::vector<std::byte> room(use.compressed ? layout.block_size : 0);
        if (use.compressed) {
            auto const size = inflater->inflate(stored, room);
            if (!size) co_return size.error();
            stored = std::span{room}.first(*size);
        }
        if (std::uint64_t{use.block_offset} + use.length > stored.size())
            co_return fail(Errc::bad_input, "a block of the index is shorter than its use");
        auto const part = stored.subspan(use.block_offset, use.length);
        file.append(reinterpret_cast<char const*>(part.data()), part.size());
    }
    co_return file;
}

Task<Result<std::vector<IndexedBlock>>> fetch_index(Search& search, Target image) {
    auto const& layout = search.plan->layout;
    auto const& uses = image == Target::boot ? layout.boot_index : layout.rootfs_index;
    if (uses.empty()) co_return std::vector<IndexedBlock>{};
    auto const file = co_await fetch_file(search, uses);
    if (!file) co_return fail(file, "fetching an index");
    auto const& manifest = search.plan->head.manifest;
    co_return parse_index(*file, image == Target::boot ? manifest.boot.size : manifest.rootfs.size);
}

Task<Result<std::vector<IndexedBlock>>>
hash_blocks(core::Workers& workers, std::filesystem::path path, std::vector<StoredBlock> blocks) {
    auto opened = BlockHasher::open(std::move(path), std::move(blocks));
    if (!opened) co_return opened.error();
    auto const hasher = std::make_shared<BlockHasher>(std::move(*opened));
    for (;;) {
        auto work = [hasher] { return hasher->hash_some(); };
        auto const done = co_await workers.run(std::move(work));
        if (!done) co_return done.error();
        if (*done) co_return hasher->take();
    }
}

// Adds the blocks of one file to what can be found.
Task<void> add_to_haystack(Search& search,
                           Haystack& haystack,
                           std::filesystem::path path,
                           Result<std::vector<StoredBlock>> blocks) {
    if (!blocks) {
        search.note("not used for the update", blocks.error());
        co_return;
    }
    auto const hashed = co_await hash_blocks(search.workers, path, std::move(*blocks));
    if (!hashed) {
        search.note("not used for the update", hashed.error());
        co_return;
    }
    auto const file = search.add_file(path);
    for (auto const& block : *hashed)
        haystack.emplace(block.hash, LocalBlock{block.size, file, block.offset});
}

void add_matches(Search const& search,
                 Target image,
                 std::vector<IndexedBlock> const& index,
                 Haystack const& haystack) {
    auto const runs = raw_runs(search.plan->layout.uses, image);
    for (auto const& block : index) {
        auto const [first, last] = haystack.equal_range(block.hash);
        auto const match =
            std::find_if(first, last, [&](auto const& entry) { return entry.second.size == block.size; });
        if (match == last) continue;
        add_copies(search.found->copies, runs, block.offset, block.size,
                   {.file = match->second.file, .file_offset = match->second.offset});
    }
}

// A network that fails now may be back for the whole image, which would cost more than to try again later.
bool is_the_networks(core::Error const& error) {
    return error.is(Errc::unreachable) || error.is(Errc::timed_out) || error.is(Errc::changed) ||
           error.is(Errc::no_address);
}

Task<Result<void>> find_in_rootfs(Search& search) {
    auto const index = co_await fetch_index(search, Target::rootfs);
    if (!index && is_the_networks(index.error())) co_return index.error();
    if (!index) search.note("no delta of the root file system", index.error());
    if (!index || index->empty()) co_return Result<void>{};
    Haystack haystack;
    auto const& running = search.local.running.rootfs;
    auto list = [&running] { return stored_blocks(running); };
    auto blocks = co_await search.workers.run(std::move(list));
    co_await add_to_haystack(search, haystack, running, std::move(blocks));
    add_matches(search, Target::rootfs, *index, haystack);
    co_return Result<void>{};
}

std::vector<std::filesystem::path> files_below(std::filesystem::path const& directory) {
    std::error_code failed;
    std::vector<std::filesystem::path> files;
    for (std::filesystem::recursive_directory_iterator entry{directory, failed}, end; !failed && entry != end;
         entry.increment(failed))
        if (entry->is_regular_file(failed)) files.push_back(entry->path());
    return files;
}

// Unchanged files of a boot image mostly lie where they lay; moved ones are found in the mounted partition.
Task<Result<void>> find_in_boot(Search& search) {
    auto const index = co_await fetch_index(search, Target::boot);
    if (!index && is_the_networks(index.error())) co_return index.error();
    if (!index) search.note("no delta of the boot image", index.error());
    if (!index || index->empty()) co_return Result<void>{};
    Haystack haystack;
    auto const& running = search.local.running.boot;
    std::vector<StoredBlock> same_places;
    for (auto const& block : *index) same_places.push_back({block.offset, block.size});
    co_await add_to_haystack(search, haystack, running, std::move(same_places));
    if (search.local.boot_files)
        for (auto const& path : files_below(*search.local.boot_files)) {
            auto blocks = file_blocks(path);
            co_await add_to_haystack(search, haystack, path, std::move(blocks));
        }
    add_matches(search, Target::boot, *index, haystack);
    co_return Result<void>{};
}

}   // namespace

std::shared_ptr<Found const> nothing_found(BundlePlan const& plan) {
    auto found = std::make_shared<Found>();
    found->is_done.resize(plan.layout.uses.size());
    return found;
}

Task<Result<std::shared_ptr<Found const>>> find_local(core::HttpClient& http,
                                                      core::Clock& clock,
                                                      core::Workers& workers,
                                                      BundleSource source,
                                                      std::shared_ptr<BundlePlan const> plan,
                                                      SlotTargets targets,
                                                      LocalSources local,
                                                      Patience patience) {
    Search search{.reader = RangeReader{http, clock, std::move(source), plan->head, patience},
                  .workers = workers,
                  .plan = plan,
                  .targets = std::move(targets),
                  .local = std::move(local),
                  .found = std::make_shared<Found>()};
    search.found->is_done.resize(plan->layout.uses.size());
    co_await find_written(search);
    auto looked = co_await find_in_rootfs(search);
    if (looked) looked = co_await find_in_boot(search);
    if (!looked) co_return fail(looked, "looking what of the bundle is here already");
    co_return std::shared_ptr<Found const>{search.found};
}

}   // namespace ota
