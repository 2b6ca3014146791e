#pragma once
// A RAUC verity bundle on a server, from its end to its images: signature and manifest first, then hash tree
// and squashfs tables, then the data into the slot. The format is in docs/bundle-format.md.
//
// Nothing is used before the signed root hash vouches for it: tail -> CMS -> root hash -> tree -> every 4
// KiB. That holds for bytes that this device has already as for those that are fetched.

#include "core/board.hpp"
#include "core/clock.hpp"
#include "core/http.hpp"
#include "core/sha256.hpp"
#include "core/workers.hpp"
#include "ota/cms.hpp"
#include "ota/manifest.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

namespace ota {

using core::Result;
using core::Task;

struct BundleSource {
    std::string url;   // https, or file for ota/file_source.hpp
    std::vector<std::pair<std::string, std::string>> headers;
    core::WallTime judge_at{};        // certificates, TLS and CMS alike
    bool judge_at_is_floor = false;   // as in core::HttpRequest
    // Where a server's wish to be asked again later is put; nothing: nobody wants to know.
    std::shared_ptr<std::optional<core::Duration>> retry_after;
};

// What the last 64 KiB say once the signature holds.
struct BundleHead {
    Manifest manifest;
    core::Sha256 manifest_hash{};   // of the signed manifest's bytes: RAUC's bundle.hash
    std::uint64_t data_size = 0;    // the squashfs, a multiple of 4096
    std::uint64_t tree_size = 0;    // the hash tree behind it, a multiple of 4096
    std::uint64_t total_size = 0;   // the file
    std::string etag;               // as the server sent it; empty: none
};

// One Range request for the end. Errors: refused (no 206: "the server does not support ranges"; plain
// bundle), bad_input (truncated, bad signature size, manifest), bad_signature (verify_cms), too_large, and
// those of HttpClient::open.
Task<Result<BundleHead>> fetch_head(core::HttpClient& http, BundleSource source, SignerRules signers);

// Where every piece of every image lies in the bundle; the tree and tables that this came from are verified.
struct BundlePlan;

// A tree larger than this is not held: its leaves are fetched in parts while the data comes.
inline constexpr std::uint64_t kLargestTreeHeld = 4 * 1024 * 1024;

// With a network that is slow or breaks.
struct Patience {
    std::uint64_t minimum_rate =
        1024;   // bytes per second over a minute of waiting; below it is a lost connection
    core::TimePoint until = core::TimePoint::max();   // for all that one installation fetches
    unsigned attempts = 5;   // in a row that bring next to nothing, with growing pauses between them
};

// Three to five small Range requests. Errors: bad_signature (tree or tables do not match the signed root
// hash), bad_input (images missing, sizes differ from the manifest, unsupported compression), too_large,
// changed (another bundle is there by now), unreachable and timed_out (`patience` is at its end).
Task<Result<std::shared_ptr<BundlePlan const>>>
fetch_plan(core::HttpClient& http,
           core::Clock& clock,
           core::Workers& workers,
           BundleSource source,
           BundleHead head,
           Patience patience,
           std::uint64_t largest_tree_held = kLargestTreeHeld);

struct SlotTargets {
    std::filesystem::path boot;
    std::filesystem::path rootfs;
};

// Whether both targets exist and the manifest's images fit. Nothing is written.
// Errors: not_found ("slot device missing"), too_large ("image larger than its slot").
Result<void> check_targets(Manifest const& manifest, SlotTargets const& targets);

struct Progress;   // ota/progress.hpp

struct WriteProgress {
    std::uint64_t done = 0;      // bytes of the bundle, wherever they came from
    std::uint64_t total = 0;     // that are needed
    std::uint64_t fetched = 0;   // of done: from the network
};

struct WriteSteps {
    // Once the data is on its way and before the first byte is written: the last moment to refuse, and the
    // one to mark the slot bad. An error ends it with nothing written.
    std::function<Task<Result<void>>()> before_first_byte;
    std::function<void(WriteProgress)> progress;
    // What is written and synced by now, to be kept for a resumption: every `checkpoint_every` bytes, but not
    // more often than every `checkpoint_pause`, and when the writing ends early. It may fail; that costs only
    // the resumption.
    std::function<Task<void>(Progress)> checkpoint;
    std::uint64_t checkpoint_every = 16 * 1024 * 1024;
    core::Duration checkpoint_pause = std::chrono::seconds{2};
    std::size_t piece_size = 512 * 1024;   // of the two buffers between network and pool; whole verity blocks
};

struct Found;   // what this device has of the bundle already: ota/local_copies.hpp

// The first 4 KiB of every target is zeroed and synced first and written last, the boot target's last of all:
// an unfinished slot never loads. When this succeeds everything is synced. On an error after
// before_first_byte the targets are unbootable. A lost connection is taken up again at the next byte; what
// `found` promised and does not hold is fetched. Errors: bad_signature (a block does not match the tree),
// unreachable and timed_out (`patience` is at its end), changed, io (the target).
Task<Result<void>> write_images(core::HttpClient& http,
                                core::Clock& clock,
                                core::Workers& workers,
                                BundleSource source,
                                std::shared_ptr<BundlePlan const> plan,
                                SlotTargets targets,
                                std::shared_ptr<Found const> found,
                                Patience patience,
                                WriteSteps steps);

// Whether the targets begin with exactly the manifest's images, by SHA-256. Runs on the pool.
// Errors: io, not_found.
Task<Result<bool>> targets_hold(core::Workers& workers, Manifest manifest, SlotTargets targets);

}   // namespace ota
