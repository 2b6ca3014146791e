#pragma once
// What podman replies, as values. Pure. The shape is libpod's (podman/pkg/domain/entities/types,
// ListContainer and ImageSummary); test/data/podman has replies of podman 5.4.

#include "core/result.hpp"
#include "health/podman.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace health {

// Of GET …/containers/json and …/images/json. Unknown keys are ignored. Errors: bad_input, with the number of
// the entry and the key that it lacks.
core::Result<std::vector<PodmanContainer>> parse_containers(std::string_view reply);
core::Result<std::vector<PodmanImage>> parse_images(std::string_view reply);

// A status of 300 or more, with podman's own words where it has some. not_found for 404, refused for 409,
// else io.
core::Error refusal_of(unsigned status, std::string_view reply);

}   // namespace health
