#include "ota/update_settings.hpp"

namespace ota {

UpdateSettings update_settings(config::DeviceDocument const& device, config::OperatorDocument const& wishes) {
    return {.compatible = *device.compatible,
            .built = *device.built,
            .signers = {.keyring = *device.keyring, .crl = *device.crl, .names = *device.allowed_signers},
            .slot_a = {*device.slot_a.boot, *device.slot_a.rootfs},
            .slot_b = {*device.slot_b.boot, *device.slot_b.rootfs},
            .attempts = *device.boot_attempts,
            .poll = {.interval = *device.poll_interval, .first = *device.first_poll},
            .server_url = *wishes.server_url,
            .flags = *device.data / "config",
            .index = *device.index,
            .revision = *device.revision,
            .minimum_rate = *device.minimum_rate,
            .download_limit = *device.download_limit,
            .trial_limit = *device.trial_limit,
            .trials_per_bundle = *device.trials_per_bundle,
            .boot_files = *device.boot_files,
            .windows = *wishes.update_windows,
            .only_security = *wishes.only_security};
}

}   // namespace ota
