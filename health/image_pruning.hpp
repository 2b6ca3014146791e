#pragma once
// Which images podman need not keep: those that a document of this device named once, that no container uses,
// and that no document names any more, neither the one in force nor the one that the other slot would use. An
// image that somebody else brought here, or gave a second name, is not ours to remove, and nothing is removed
// before a slot is committed: after a rollback the old one finds all its images.
//
// The ids of ours are kept in a file, <data>/state/images.json for root's store, since an image that was
// pulled anew under the same name has lost its name.

#include "core/state_file.hpp"
#include "health/podman.hpp"

#include <optional>
#include <string>
#include <vector>

namespace health {

struct ImageWishes {
    bool slot_is_committed = false;   // the booted slot is the one last committed
    // What the documents name, as Quadlet hands it to podman: "docker.io/library/caddy:2", "caddy",
    // "localhost/web@sha256:…". Of the document in force, and of the one that the other slot accepted last;
    // nothing: nobody knows, and nothing is removed.
    std::vector<std::string> in_force;
    std::optional<std::vector<std::string>> of_other_slot;
};

struct ImageFacts {
    std::vector<PodmanImage> images;
    std::vector<PodmanContainer> containers;
    std::vector<std::string> ours;   // ids, as they were recorded; the oldest first
};

// Whether podman may mean `image` when it is told `reference`: then it stays. A short name is that of any
// registry. Pure.
bool may_mean(std::string const& reference, PodmanImage const& image);
// Whether it cannot mean another one: then it is ours. Only a name with its registry does, since somebody
// else's image has the same short name; and one that is named by its id was brought here by somebody else.
// Pure.
bool means(std::string const& reference, PodmanImage const& image);

// The ids to be recorded: those that are still here, and those that the documents name now; the newest 256.
// Pure.
std::vector<std::string> images_of_ours(ImageFacts const& facts, ImageWishes const& wishes);

// Ids; of images of ours only. Empty as well when a document names an image in a way that is not understood
// ("docker-archive:/…"). Pure.
std::vector<std::string> images_to_remove(ImageFacts const& facts, ImageWishes const& wishes);

struct Pruned {
    std::vector<std::string> removed;   // ids
    std::vector<std::string> errors;    // of those that stay; the next time tries them again
};
// Records what is ours, whether or not anything may go, and then removes. `record` is of the store behind
// `podman` alone. Where none was ours and no document names one, podman is not asked: to answer, it would be
// started. Errors: podman's when it cannot be asked, the record's.
core::Task<core::Result<Pruned>> prune_images(Podman& podman, core::StateFile record, ImageWishes wishes);

}   // namespace health
