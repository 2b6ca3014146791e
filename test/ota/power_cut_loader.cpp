#include "ota/power_cut_loader.hpp"

#include "core/owned.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <vector>

extern "C" {
#include <libuboot.h>
}

namespace test {

using core::Slot;

namespace {

constexpr unsigned kTries = 3;

struct Opened {
    core::Owned<uboot_ctx, libuboot_exit> context;
    core::Owned<uboot_ctx, libuboot_close> open;
    bool is_good = false;   // a copy has a good checksum
};

Opened open_env(std::filesystem::path const& config) {
    uboot_ctx* raw = nullptr;
    if (libuboot_initialize(&raw, nullptr) != 0) throw std::runtime_error{"libuboot_initialize"};
    Opened env;
    env.context.reset(raw);
    if (libuboot_read_config(raw, config.c_str()) != 0) throw std::runtime_error{"libuboot_read_config"};
    env.open.reset(raw);
    env.is_good = libuboot_open(raw) == 0;
    return env;
}

std::string left_of(Slot slot) {
    return std::string{"BOOT_"} + core::name(slot) + "_LEFT";
}

}   // namespace

bool LoaderRules::is_readable() const {
    return open_env(config_).is_good;
}

std::string LoaderRules::get(std::string const& name) const {
    auto const env = open_env(config_);
    core::Owned<char, std::free> const value{libuboot_get_env(env.open.get(), name.c_str())};
    return value ? value.get() : "";
}

void LoaderRules::save(Values const& values) const {
    auto const env = open_env(config_);
    auto const set = [&](std::string const& name, std::string const& value) {
        if (libuboot_set_env(env.open.get(), name.c_str(), value.c_str()) != 0)
            throw std::runtime_error{"libuboot_set_env"};
    };
    if (!env.is_good) {
        set("BOOT_ORDER", "A B");
        set("BOOT_A_LEFT", std::to_string(kTries));
        set("BOOT_B_LEFT", std::to_string(kTries));
    }
    for (auto const& [name, value] : values) set(name, value);
    if (libuboot_env_store(env.open.get()) != 0) throw std::runtime_error{"libuboot_env_store"};
}

std::vector<Slot> LoaderRules::order() const {
    std::vector<Slot> slots;
    std::istringstream words{get("BOOT_ORDER")};
    for (std::string word; words >> word;)
        if (auto const slot = core::slot_named(word); slot && std::ranges::find(slots, *slot) == slots.end())
            slots.push_back(*slot);
    return slots.empty() ? std::vector{Slot::a, Slot::b} : slots;
}

unsigned LoaderRules::tries_left(Slot slot) const {
    static std::regex const number{"(0[xX])?[0-9a-fA-F]{1,8}"};
    auto const text = get(left_of(slot));
    return std::regex_match(text, number) ? static_cast<unsigned>(std::stoul(text, nullptr, 16)) : kTries;
}

std::optional<Slot> LoaderRules::power_cycle(std::function<bool(Slot)> const& loads) const {
    if (!is_readable()) save({});
    auto const named = order();
    auto damage = false;
    for (auto const slot : named) {
        auto const left = tries_left(slot);
        if (left == 0) continue;
        std::ostringstream hex;
        hex << std::hex << left - 1;
        save({{left_of(slot), hex.str()}});
        if (loads(slot)) return slot;
        damage = true;
    }
    if (std::ranges::none_of(named, [&](Slot slot) { return tries_left(slot) > 0; })) {
        Values refills;
        for (auto const slot : named) refills.emplace_back(left_of(slot), std::to_string(kTries));
        save(refills);
    }
    if (!damage || named.size() > 1) return std::nullopt;
    auto const last_resort = core::other(named.front());
    save({{left_of(last_resort), "0"}});
    return loads(last_resort) ? std::optional{last_resort} : std::nullopt;
}

}   // namespace test
