#pragma once
// A boot environment whose calls are watched: libubootenv waits without a limit for whoever holds its lock,
// and for a device that does not answer. Ownership: a view of `env`.

#include "core/progress.hpp"
#include "ota/boot_env.hpp"

namespace ota {

class WatchedBootEnv final : public BootEnv {
public:
    // `task`: the supervisor's name of the one that calls.
    WatchedBootEnv(BootEnv& env, core::Progress& progress, std::string task)
        : env_{env}, progress_{progress}, task_{std::move(task)} {}

    Task<Result<BootState>> read() override {
        return core::watched(progress_, task_, "reading the boot environment", kLimit, env_.read());
    }
    Task<Result<void>> write(BootState wanted) override {
        return core::watched(progress_, task_, "writing the boot environment", kLimit,
                             env_.write(std::move(wanted)));
    }

private:
    static constexpr auto kLimit = std::chrono::seconds{60};   // SPI flash takes 1 s for it

    BootEnv& env_;
    core::Progress& progress_;
    std::string task_;
};

}   // namespace ota
