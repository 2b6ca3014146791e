#pragma once
// Which images the documents name: what image_pruning must keep. Pure.

#include "config/accepted.hpp"
#include "health/image_pruning.hpp"

#include <optional>
#include <string>
#include <vector>

namespace health {

// Of containers, builds (their tags) and volumes, as podman will be told. That a container's image is a build
// of the same document ("site.build") says nothing more.
std::vector<std::string> named_images(config::Containers const& containers);

// `other`: config::last_accepted() of the slot that is not booted. An operator's document that this version
// refuses may be one that the other accepts, so then nobody knows what that one would use.
ImageWishes image_wishes(config::InForce const& in_force,
                         core::Result<std::optional<config::OperatorDocument>> const& other,
                         bool slot_is_committed);

}   // namespace health
