#pragma once
// A board that notes what is asked of it.

#include "core/board.hpp"

#include <string>
#include <vector>

namespace test {

class FakeBoard final : public core::Board {
public:
    core::Slot slot = core::Slot::a;
    std::string id = "boot-1";
    std::vector<std::string> reboots;   // why

    std::string name() const override { return "fake"; }
    core::Result<core::Slot> booted_slot() const override { return slot; }
    core::Result<std::string> boot_id() const override { return id; }
    core::Task<core::Result<void>> reboot(std::string why) override {
        reboots.push_back(std::move(why));
        co_return core::Result<void>{};
    }
};

}   // namespace test
