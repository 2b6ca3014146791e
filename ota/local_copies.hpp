#pragma once
// What this device has of a bundle already: in the running slot, which the new version resembles, and in the
// spare slot, if an earlier attempt was cut short.

#include "ota/bundle.hpp"
#include "ota/progress.hpp"
#include "ota/segments.hpp"

namespace ota {

struct Found {
    std::vector<std::filesystem::path> files;   // that copies name by their numbers
    std::vector<Copy> copies;                   // those in place first
    std::vector<bool> is_done;   // for each use of the layout: written by an earlier attempt, and still there
    Progress progress;           // that this is about; empty: nothing
    std::vector<std::string> notes;   // why less was found than might have been; for the log
};

// Everything has to be fetched.
std::shared_ptr<Found const> nothing_found(BundlePlan const& plan);

struct LocalSources {
    SlotTargets running;
    // Where the running slot's boot partition is mounted read-only; nothing: it is not.
    std::optional<std::filesystem::path> boot_files;
    std::optional<Progress> progress;   // of an earlier attempt at the same bundle and target
};

// Fetches the bundle's indexes and looks into the slots. Without an index, or with a slot that cannot be
// read, less is found. Errors: the network's (unreachable, timed_out, changed) only.
Task<Result<std::shared_ptr<Found const>>> find_local(core::HttpClient& http,
                                                      core::Clock& clock,
                                                      core::Workers& workers,
                                                      BundleSource source,
                                                      std::shared_ptr<BundlePlan const> plan,
                                                      SlotTargets targets,
                                                      LocalSources local,
                                                      Patience patience);

}   // namespace ota
