#include "health/container_sync.hpp"

#include <algorithm>
#include <array>

namespace health {
namespace {

constexpr std::string_view kMark = "# Written by atomixd for ";
constexpr std::string_view kMarkEnd = ": it undoes what is changed here\n";

int rank(config::ContainerUnitKind kind) {
    switch (kind) {
    case config::ContainerUnitKind::build:
        return 0;
    case config::ContainerUnitKind::network:
        return 1;
    case config::ContainerUnitKind::volume:
        return 2;
    case config::ContainerUnitKind::container:
        return 3;
    }
    return 3;
}

core::UnitState state_of(UnitStates const& states, std::string const& service) {
    auto const found = states.find(service);
    return found == states.end() ? core::UnitState{.load = "not-found", .active = "inactive"} : found->second;
}

// Made of a file that is not Quadlet's work: the image's, or the operator's own.
bool is_foreign(core::UnitState const& unit) {
    return !unit.file.empty() && unit.file.find("/systemd/generator/") == std::string::npos;
}

// What keeps this file from being written or started; empty: nothing.
std::string obstacle(QuadletFile const& file, core::UnitState const& unit) {
    if (!is_foreign(unit)) return {};
    return file.service + " is made of " + unit.file + " already: give " + file.name + " another name";
}

void stop_or_touch(Steps& steps, std::string const& service, core::UnitState const& unit, auto&& touch) {
    // What systemd does not know, or is somebody else's by now, has nothing of ours running.
    if (core::is_down(unit) || is_foreign(unit)) {
        touch();
        return;
    }
    steps.waiting = true;
    if (unit.active != "deactivating") steps.stop.push_back(service);
}

}   // namespace

std::string marked(QuadletFile const& file) {
    return std::string{kMark} + file.service + std::string{kMarkEnd} + file.text;
}

std::optional<std::string> service_of_ours(std::string const& text) {
    if (!text.starts_with(kMark)) return std::nullopt;
    auto const end = text.find(kMarkEnd, kMark.size());
    if (end == std::string::npos) return std::nullopt;
    auto service = text.substr(kMark.size(), end - kMark.size());
    if (service.find('\n') != std::string::npos) return std::nullopt;
    return service;
}

bool is_quadlet(std::string const& name) {
    constexpr std::array kEndings{".container", ".network", ".volume", ".build"};
    return std::ranges::any_of(kEndings, [&](char const* ending) { return name.ends_with(ending); });
}

std::vector<std::string> services_of(std::vector<QuadletFile> const& wanted,
                                     std::vector<UnitFile> const& there) {
    std::vector<std::string> services;
    for (auto const& file : wanted) services.push_back(file.service);
    for (auto const& file : there)
        if (auto service = service_of_ours(file.text)) services.push_back(std::move(*service));
    std::ranges::sort(services);
    auto const again = std::ranges::unique(services);
    services.erase(again.begin(), again.end());
    return services;
}

Steps next_steps(std::vector<QuadletFile> const& wanted,
                 std::vector<UnitFile> const& there,
                 UnitStates const& states,
                 std::set<std::string> const& built,
                 LeftOver left_over) {
    Steps steps;
    for (auto const& file : there) {
        if (left_over == LeftOver::keep) break;
        auto const service = service_of_ours(file.text);
        if (!service || std::ranges::find(wanted, file.name, &QuadletFile::name) != wanted.end()) continue;
        stop_or_touch(steps, *service, state_of(states, *service),
                      [&] { steps.remove.push_back(file.name); });
    }
    std::vector<QuadletFile const*> in_order;
    for (auto const& file : wanted) in_order.push_back(&file);
    std::ranges::stable_sort(in_order, {}, [](QuadletFile const* file) { return rank(file->kind); });
    for (auto const* file : in_order) {
        auto const unit = state_of(states, file->service);
        if (auto why = obstacle(*file, unit); !why.empty()) {
            steps.errors.push_back(std::move(why));
            continue;
        }
        auto const text = marked(*file);
        auto const write = [&] { steps.write.push_back({file->name, text}); };
        auto const found = std::ranges::find(there, file->name, &UnitFile::name);
        if (found == there.end()) {
            write();
        } else if (auto const service = service_of_ours(found->text); !service) {
            steps.errors.push_back(
                file->name + " is there already and is not ours: remove it, or give yours " + "another name");
        } else if (found->text != text) {
            stop_or_touch(steps, *service, state_of(states, *service), write);
        } else if (core::is_down(unit) && !built.contains(file->service)) {
            (unit.load == "loaded" ? steps.start : steps.unmade).push_back(file->service);
        }
    }
    return steps;
}

}   // namespace health
