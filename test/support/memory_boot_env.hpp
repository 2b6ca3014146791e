#pragma once
// The boot environment in memory, with power cuts. test/ota/boot_env_test.cpp proves it and libubootenv
// alike.

#include "ota/boot_env.hpp"

#include <optional>

namespace test {

struct PowerCut {};

class MemoryBootEnv final : public ota::BootEnv {
public:
    ota::BootState state{.order = {core::Slot::a, core::Slot::b},
                         .left_a = 3,
                         .left_b = 3,
                         .trial = std::nullopt};
    std::optional<core::Error> broken;      // what reading and writing say
    std::optional<core::Error> read_only;   // what writing says
    bool denies_success = false;            // writing takes effect, and says that it failed
    int writes = 0;
    std::optional<int> cut_before_write;   // the power goes just before, or just after, this one (from 0)
    std::optional<int> cut_after_write;

    // No copy is good any more.
    void lose(int attempts) {
        state = {
            .order = {core::Slot::a, core::Slot::b}, .left_a = attempts, .left_b = attempts, .lost = true};
    }

    ota::Task<ota::Result<ota::BootState>> read() override {
        if (broken) co_return *broken;
        co_return state;
    }
    ota::Task<ota::Result<void>> write(ota::BootState wanted) override {
        if (broken) co_return *broken;
        if (read_only && wanted != state) co_return *read_only;
        if (wanted == state) co_return ota::Result<void>{};
        if (cut_before_write == writes) throw PowerCut{};
        state = std::move(wanted);
        if (cut_after_write == writes++) throw PowerCut{};
        if (denies_success) co_return core::fail(core::Errc::io, "the older copy is damaged");
        co_return ota::Result<void>{};
    }
};

}   // namespace test
