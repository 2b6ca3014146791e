#include "health/image_pruning.hpp"

#include <algorithm>

namespace health {
namespace {

using core::Errc;
using core::Result;
using core::Task;

constexpr std::size_t kMostRecorded = 256;
constexpr std::size_t kShortestId = 12;
constexpr char const* kIds = "ids";

// "docker.io/library/caddy", and "2" or "@sha256:…".
struct Reference {
    std::string name;
    std::string which;
};

bool is_id(std::string const& text) {
    return text.size() >= kShortestId && is_hex_id(text);
}

// What is understood here; another transport than a registry's, or one of systemd's specifiers, is not.
bool is_understood(std::string const& reference) {
    return !reference.empty() && reference.find(":/") == std::string::npos &&
           std::ranges::all_of(reference, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      std::string_view{"._-/:@"}.find(c) != std::string_view::npos;
           });
}

std::string without_transport(std::string reference) {
    constexpr std::string_view kRegistry{"docker://"};
    if (reference.starts_with(kRegistry)) reference.erase(0, kRegistry.size());
    return reference;
}

Reference split(std::string const& text) {
    auto const digest = text.find('@');
    auto const named = text.substr(0, digest);
    auto const slash = named.rfind('/');
    auto const colon = named.find(':', slash == std::string::npos ? 0 : slash);
    Reference made{.name = named.substr(0, colon), .which = "latest"};
    if (digest != std::string::npos)
        made.which = text.substr(digest);
    else if (colon != std::string::npos)
        made.which = named.substr(colon + 1);
    constexpr std::string_view kDocker{"docker.io/"};
    if (made.name.starts_with(kDocker) && made.name.find('/', kDocker.size()) == std::string::npos)
        made.name.insert(kDocker.size(), "library/");
    return made;
}

// Begins with a registry, by the rule that podman has from docker: a host's name with a dot or a port, or
// localhost.
bool is_fully_qualified(std::string const& name) {
    auto const slash = name.find('/');
    if (slash == std::string::npos) return false;
    auto const first = name.substr(0, slash);
    return first == "localhost" || first.find_first_of(".:") != std::string::npos;
}

bool is_anyhow(PodmanImage const& image,
               std::vector<std::string> const& references,
               bool (*matches)(std::string const&, PodmanImage const&)) {
    return std::ranges::any_of(references, [&](std::string const& r) { return matches(r, image); });
}

// Podman would remove it by force only; and whoever gave it another name wants it.
bool has_several_names(PodmanImage const& image) {
    return std::ranges::count_if(
               image.names, [](std::string const& name) { return name.find('@') == std::string::npos; }) > 1;
}

std::vector<std::string> all_of(ImageWishes const& wishes) {
    auto all = wishes.in_force;
    if (wishes.of_other_slot)
        all.insert(all.end(), wishes.of_other_slot->begin(), wishes.of_other_slot->end());
    return all;
}

bool has_id(std::vector<std::string> const& ids, std::string const& id) {
    return std::ranges::find(ids, id) != ids.end();
}

}   // namespace

bool may_mean(std::string const& reference, PodmanImage const& image) {
    auto const text = without_transport(reference);
    if (is_id(text) && image.id.starts_with(text)) return true;
    auto const meant = split(text);
    return std::ranges::any_of(image.names, [&](std::string const& name) {
        auto const known = split(name);
        return known.which == meant.which &&
               (known.name == meant.name || known.name.ends_with("/" + meant.name));
    });
}

bool means(std::string const& reference, PodmanImage const& image) {
    auto const meant = split(without_transport(reference));
    if (!is_fully_qualified(meant.name)) return false;
    return std::ranges::any_of(image.names, [&](std::string const& name) {
        auto const known = split(name);
        return known.which == meant.which && known.name == meant.name;
    });
}

std::vector<std::string> images_of_ours(ImageFacts const& facts, ImageWishes const& wishes) {
    auto const named = all_of(wishes);
    std::vector<std::string> ours;
    for (auto const& id : facts.ours)
        if (std::ranges::any_of(facts.images, [&](PodmanImage const& image) { return image.id == id; }))
            ours.push_back(id);
    for (auto const& image : facts.images)
        if (is_anyhow(image, named, means) && !has_id(ours, image.id)) ours.push_back(image.id);
    if (ours.size() > kMostRecorded) ours.erase(ours.begin(), ours.end() - kMostRecorded);
    return ours;
}

std::vector<std::string> images_to_remove(ImageFacts const& facts, ImageWishes const& wishes) {
    if (!wishes.slot_is_committed || !wishes.of_other_slot) return {};
    auto const named = all_of(wishes);
    bool const are_understood = std::ranges::all_of(
        named, [](std::string const& reference) { return is_understood(without_transport(reference)); });
    if (!are_understood) return {};
    std::vector<std::string> removed;
    for (auto const& image : facts.images) {
        bool const is_used = std::ranges::any_of(facts.containers, [&](PodmanContainer const& container) {
            return container.image_id == image.id;
        });
        if (has_id(facts.ours, image.id) && !is_used && !has_several_names(image) &&
            !is_anyhow(image, named, may_mean))
            removed.push_back(image.id);
    }
    return removed;
}

Task<Result<Pruned>> prune_images(Podman& podman, core::StateFile record, ImageWishes wishes) {
    auto const read = record.read();
    if (!read) co_return read.error();
    ImageFacts facts;
    if (*read) facts.ours = core::texts_in(**read, kIds);
    if (facts.ours.empty() && all_of(wishes).empty()) co_return Pruned{};

    auto images = co_await podman.images();
    if (!images) co_return images.error();
    auto containers = co_await podman.containers();
    if (!containers) co_return containers.error();
    facts.images = std::move(*images);
    facts.containers = std::move(*containers);
    auto const ours = images_of_ours(facts, wishes);
    if (ours != facts.ours) {
        core::json::object content;
        content[kIds] = core::texts(ours);
        if (auto const written = record.write(std::move(content)); !written) co_return written.error();
        facts.ours = ours;
    }

    Pruned done;
    auto const superfluous = images_to_remove(facts, wishes);
    for (auto const& id : superfluous) {
        auto const removed = co_await podman.remove_image(id);
        if (removed || removed.error().is(Errc::not_found))
            done.removed.push_back(id);
        else
            done.errors.push_back(removed.error().context);
    }
    co_return done;
}

}   // namespace health
