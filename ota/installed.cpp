#include "ota/installed.hpp"

namespace ota {

Installed installed(Manifest const& manifest, core::Sha256 const& manifest_hash) {
    auto const& release = manifest.release;
    return {.version = manifest.version,
            .manifest_hash = manifest_hash,
            .boot = manifest.boot.sha256,
            .rootfs = manifest.rootfs.sha256,
            .issued = release.issued ? core::print_wall_time(*release.issued) : "",
            .index = release.index,
            .lowers_floor_from = release.lowers_floor_from};
}

std::uint64_t index_in(core::json::object const& object, std::string_view key) {
    auto const number = core::integer_in(object, key).value_or(0);
    return number > 0 && static_cast<std::uint64_t>(number) <= kLargestIndex
               ? static_cast<std::uint64_t>(number)
               : 0;
}

char const* name(Rejection why) noexcept {
    return why == Rejection::verdict ? "verdict" : "attempts";
}

Rejection rejection_in(core::json::object const& object) {
    return core::string_in(object, "why") == "attempts" ? Rejection::attempts : Rejection::verdict;
}

core::json::object to_json(Installed const& bundle) {
    return {{"version", bundle.version},
            {"manifest_hash", core::to_hex(bundle.manifest_hash)},
            {"boot_sha256", core::to_hex(bundle.boot)},
            {"rootfs_sha256", core::to_hex(bundle.rootfs)},
            {"issued", bundle.issued},
            {"index", bundle.index},
            {"lowers_floor_from", bundle.lowers_floor_from}};
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
    return Installed{.version = *version,
                     .manifest_hash = *manifest_hash,
                     .boot = *boot,
                     .rootfs = *rootfs,
                     .issued = core::string_in(object, "issued").value_or(""),
                     .index = index_in(object, "index"),
                     .lowers_floor_from = index_in(object, "lowers_floor_from")};
}

}   // namespace ota
