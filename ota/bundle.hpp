#pragma once
// A RAUC verity bundle on a server, from its end to its images: signature and manifest first, then hash tree
// and squashfs tables, then the data as one stream into the slot. The format is in docs/bundle-format.md.
//
// Nothing is used before the signed root hash vouches for it: tail -> CMS -> root hash -> tree -> every 4
// KiB.

#include "core/board.hpp"
#include "core/http.hpp"
#include "core/sha256.hpp"
#include "core/workers.hpp"
#include "ota/manifest.hpp"

#include <filesystem>
#include <functional>
#include <memory>

namespace ota {

using core::Result;
using core::Task;

struct BundleSource {
    std::string url;
    std::vector<std::pair<std::string, std::string>> headers;
    core::WallTime judge_at{};   // certificates, TLS and CMS alike
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
// bundle), bad_input (truncated, bad signature size, manifest), bad_signature (unknown key, expired:
// OpenSSL's words), too_large, and those of HttpClient::open.
Task<Result<BundleHead>>
fetch_head(core::HttpClient& http, BundleSource source, std::filesystem::path keyring);

// Where every piece of every image lies in the bundle; the tree and tables that this came from are verified.
struct BundlePlan;

// Two or three Range requests. Errors: bad_signature (tree or tables do not match the signed root hash),
// bad_input (images missing, sizes differ from the manifest, unsupported compression), refused (the bundle
// changed meanwhile).
Task<Result<std::shared_ptr<BundlePlan const>>>
fetch_plan(core::HttpClient& http, core::Workers& workers, BundleSource source, BundleHead head);

struct SlotTargets {
    std::filesystem::path boot;
    std::filesystem::path rootfs;
};

// Whether both targets exist and the manifest's images fit. Nothing is written.
// Errors: not_found ("slot device missing"), too_large ("image larger than its slot").
Result<void> check_targets(Manifest const& manifest, SlotTargets const& targets);

struct WriteSteps {
    // Once the data is on its way and before the first byte is written: the last moment to refuse, and the
    // one to mark the slot bad. An error ends it with nothing written.
    std::function<Task<Result<void>>()> before_first_byte;
    std::function<void(std::uint64_t done_bytes, std::uint64_t total_bytes)> progress;
};

// The first 4 KiB of every target is zeroed and synced first and written last, the boot target's last of all:
// an unfinished slot never loads. When this succeeds everything is synced. On an error after
// before_first_byte the targets are unbootable. Errors: bad_signature (a block does not match the tree),
// unreachable (lost in mid-stream), io (the target).
Task<Result<void>> write_images(core::HttpClient& http,
                                core::Workers& workers,
                                BundleSource source,
                                std::shared_ptr<BundlePlan const> plan,
                                SlotTargets targets,
                                WriteSteps steps);

// Whether the targets begin with exactly the manifest's images, by SHA-256. Runs on the pool.
// Errors: io, not_found.
Task<Result<bool>> targets_hold(core::Workers& workers, Manifest manifest, SlotTargets targets);

}   // namespace ota
