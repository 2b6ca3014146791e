#pragma once
// The boot environment in U-Boot's own format, by libubootenv, shared with the loader and fw_setenv.

#include "core/workers.hpp"
#include "ota/boot_env.hpp"

#include <filesystem>

namespace ota {

class UbootEnv final : public BootEnv {
public:
    // `config` is libubootenv's fw_env.config; `attempts` stands in for a counter that is absent or
    // unreadable, as in the loader. Works on the pool: libubootenv holds a lock that fw_setenv may hold too.
    UbootEnv(core::Workers& workers, std::filesystem::path config, int attempts)
        : workers_{workers}, config_{std::move(config)}, attempts_{attempts} {}

    Task<Result<BootState>> read() override;
    Task<Result<void>> write(BootState wanted) override;

private:
    core::Workers& workers_;
    std::filesystem::path config_;
    int attempts_;
};

}   // namespace ota
