#pragma once
// Bundles as values, told apart by one byte.

#include "ota/installed.hpp"
#include "ota/update_record.hpp"

namespace test {

inline ota::Installed sample_bundle(std::string version, std::uint8_t mark) {
    ota::Installed bundle{.version = std::move(version)};
    bundle.manifest_hash[0] = mark;
    bundle.boot[1] = mark;
    bundle.rootfs[2] = mark;
    return bundle;
}

inline ota::Manifest sample_manifest(std::string version, std::uint8_t mark) {
    ota::Manifest manifest{.compatible = "atomix-sim", .version = std::move(version)};
    manifest.boot = {.filename = "boot.vfat", .sha256 = {mark}, .size = 8192};
    manifest.rootfs = {.filename = "rootfs.squashfs", .sha256 = {0, mark}, .size = 16384};
    return manifest;
}

inline ota::UpdateRecord sample_record(core::Phase phase, std::string boot_id) {
    return {.phase = phase,
            .target = core::Slot::b,
            .bundle = sample_bundle("1.1.0", 1),
            .boot_size = 8192,
            .rootfs_size = 16384,
            .baseline = {.failing = {"wan_lease"}, .good = {"dns"}},
            .boot_id = std::move(boot_id)};
}

}   // namespace test
