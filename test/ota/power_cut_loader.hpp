#pragma once
// The boot loader's rules, as deploy/sim/rules.sh has them, in this process: thousands of power cycles are
// too many for a shell. power_cut_loader_test.cpp proves that both do the same.

#include "core/slot.hpp"

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace test {

class LoaderRules {
public:
    explicit LoaderRules(std::filesystem::path fw_env_config) : config_{std::move(fw_env_config)} {}

    // One power cycle. Asks `loads` for each slot that may be tried, after its counter was saved; the slot
    // that was booted, or nothing.
    std::optional<core::Slot> power_cycle(std::function<bool(core::Slot)> const& loads) const;

    std::string get(std::string const& name) const;   // a variable's value; empty when it is not set

private:
    using Values = std::vector<std::pair<std::string, std::string>>;
    void save(Values const& values) const;   // one store, as U-Boot's saveenv
    bool is_readable() const;
    std::vector<core::Slot> order() const;
    unsigned tries_left(core::Slot slot) const;

    std::filesystem::path config_;
};

}   // namespace test
