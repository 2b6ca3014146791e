#include "ota/installed.hpp"

namespace ota {

Installed installed(Manifest const& manifest, core::Sha256 const& manifest_hash) {
    auto const issued = manifest.meta.find("issued");
    return {.version = manifest.version,
            .manifest_hash = manifest_hash,
            .boot = manifest.boot.sha256,
            .rootfs = manifest.rootfs.sha256,
            .issued = issued == manifest.meta.end() ? "" : issued->second};
}

core::json::object to_json(Installed const& bundle) {
    return {{"version", bundle.version},
            {"manifest_hash", core::to_hex(bundle.manifest_hash)},
            {"boot_sha256", core::to_hex(bundle.boot)},
            {"rootfs_sha256", core::to_hex(bundle.rootfs)},
            {"issued", bundle.issued}};
}

std::optional<Installed> installed_from_json(core::json::object const& object) {
    auto const digest = [&](char const* key) -> std::optional<core::Sha256> {
        auto const hex = core::string_in(object, key);
        return hex ? core::sha256_from_hex(*hex) : std::nullopt;
    };
    auto const version = core::string_in(object, "version");
    auto const manifest_hash = digest("manifest_hash");
    auto const boot = digest("boot_sha256");
    auto const rootfs = digest("rootfs_sha256");
    if (!version || !manifest_hash || !boot || !rootfs) return std::nullopt;
    return Installed{*version, *manifest_hash, *boot, *rootfs,
                     core::string_in(object, "issued").value_or("")};
}

}   // namespace ota
