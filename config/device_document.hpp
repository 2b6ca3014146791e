#pragma once
// /etc/atomix/device.yaml, the image's document: what this hardware is and how this image treats it. It
// changes only with the image, and only it can stop the start. deploy/sim/device.yaml is a complete example.
//
// Durations are written as "500ms", "60s", "10min", "1h". Unknown and duplicate keys are problems.

#include "config/field.hpp"
#include "core/result.hpp"
#include "core/time.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace config {

using Path = std::filesystem::path;

struct SlotDevices {
    Field<Path> boot;   // block device, or a file on the simulated board
    Field<Path> rootfs;
};

struct DeviceDocument {
    // device:
    Field<std::string> board;        // "sim", "rock64", "qemu": those of platform/
    Field<std::string> compatible;   // must equal the bundle's
    Field<core::WallTime> built;     // "2026-11-01T00:00:00Z"; certificates are never judged before this
    Field<std::uint64_t> index{0};   // of this image's release, 0 … 2^53; no lower one is installed over it
    Field<std::optional<int>> revision;   // of the board; absent: not known
    // interfaces:
    Field<std::string> wan{"eth0"};
    Field<std::string> lan{"eth1"};
    // Who gives the WAN and further interfaces their addresses: "networkd"; "udhcpc", a child of this
    // program, and static addresses by this program itself; "none": somebody else, and the operator's wishes
    // are void
    Field<std::string> wan_manager{"none"};   // manager
    // firewall:
    Field<bool> bootstrap_on_wan{
        false};   // TCP 8080 is open on the WAN while no operator's document is in force
    // slots:
    SlotDevices slot_a;
    SlotDevices slot_b;
    // boot:
    Field<Path> boot_environment{"/etc/fw_env.config"};   // libubootenv's description of it
    Field<int> boot_attempts{3};   // 1 … 9 (the loader counts in hex, compares in decimal)
    Field<Path> command_line{"/proc/cmdline"};
    Field<std::optional<Path>> boot_files;   // "files": where the running slot's boot partition is, read-only
    // update:
    Field<Path> keyring;                               // PEM: who may sign bundles
    Field<std::optional<Path>> crl;                    // PEM: signers that were revoked
    Field<std::vector<std::string>> allowed_signers;   // common names; empty: any that the keyring knows
    Field<std::optional<Path>> tls_ca;                 // PEM; absent: the system's
    Field<std::optional<Path>> tls_certificate;   // PEM: this device's own, for servers that ask for one;
    Field<std::optional<Path>> tls_key;           // PEM: its key. Both or neither
    Field<int> minimum_rate{1024};                // bytes per second; a slower download is given up
    Field<core::Duration> download_limit{std::chrono::hours{24}};   // for one bundle
    Field<int> trials_per_bundle{1};   // 1 … 9: so many bad verdicts before its content is rejected for good
    Field<core::Duration> poll_interval{std::chrono::hours{1}};
    Field<core::Duration> first_poll{std::chrono::minutes{5}};   // at a random moment before this
    // trial:
    Field<core::Duration> trial_window{std::chrono::seconds{60}};   // probes must hold this long
    // Longer than the window. atomix-trial-end.timer reboots a trial that outlives it by 5 min
    Field<core::Duration> trial_limit{std::chrono::minutes{10}};
    Field<core::Duration> trial_interval{std::chrono::seconds{5}};   // between two rounds of probes
    // From the beginning of a trial, or of this program: restarts and failures within it do not count.
    // Shorter than the limit.
    Field<core::Duration> trial_grace{std::chrono::seconds{10}};
    Field<std::string> trial_cable{"wait"};   // "wait", "ignore": health/rules.hpp
    // Names of probes (core/probe_names.hpp), each in one list at most; health/rules.hpp says what holds for
    // the others. "containers" stands for those of all containers but the ones named "container:web"
    Field<std::vector<std::string>> probes_required;   // required
    Field<std::vector<std::string>> probes_wanted;     // wanted
    Field<std::vector<std::string>> probes_off;        // off
    // units: of systemd, "name.service". Each is a probe, "unit:name.service"; needs services.host: systemd
    Field<std::vector<std::string>> trial_units;
    Field<int> data_minimum_mib{16};   // 1 … 1048576: free space below paths.data that is too little
    // watchdog:
    Field<std::optional<Path>> watchdog;            // device: "/dev/watchdog0"; absent: there is none
    Field<std::optional<Path>> watchdog_fallback;   // fallback: softdog's, where the other one is not trusted
    Field<core::Duration> watchdog_timeout{
        std::chrono::seconds{60}};                  // 10s … 10min; the driver may round it
    Field<std::string> watchdog_enabled{"trial"};   // enabled: "never", "trial", "always"
    // services:
    // "systemd": units own dnsmasq and chronyd (deploy/systemd), as in the product; "children": this program.
    Field<std::string> service_host{"children"};
    Field<Path> dnsmasq{"/usr/sbin/dnsmasq"};
    Field<Path> chronyd{"/usr/sbin/chronyd"};
    Field<Path> chronyc{"/usr/bin/chronyc"};
    Field<bool> set_clock{true};   // false: chronyd -x, for containers and namespaces. With "systemd" the
                                   // unit's options, /etc/atomix/chronyd.env, must say the same
    Field<Path> busybox{"/usr/bin/busybox"};               // its udhcpc
    Field<Path> udhcpc_script{"/usr/lib/atomix/udhcpc"};   // deploy/udhcpc
    // containers:
    Field<std::string> container_manager{"none"};   // manager: "none", "podman"
    Field<std::string> app_user{"appsvc"};          // who runs the containers that are not privileged
    // Where Quadlet reads root's units, and others' below a directory that is called as their user id
    Field<Path> rootful_units{"/etc/containers/systemd"};
    Field<Path> rootless_units{"/etc/containers/systemd/users"};
    Field<Path> podman_socket{"/run/podman/podman.sock"};   // root's
    Field<Path> files{"/data/config/files"};   // ${FILES_DIR}; not written: config/files below paths.data
    // paths:
    Field<Path> data{"/data"};        // survives updates
    Field<Path> run{"/run/atomix"};   // does not survive a boot
    Field<Path> os_release{"/etc/os-release"};
    Field<Path> networkd{"/run/systemd/network"};   // where networkd's files of ours are
    Field<Path> resolv_conf{"/etc/resolv.conf"};    // of the name servers that this device asks
    // sim: (only for board sim)
    Field<Path> reboot_request{"/run/atomix/reboot"};   // made to ask the boot-loader stand-in for a reboot
};

// Everything that is wrong, all at once, in the order of the lines; or the document. `file` is what messages
// call it.
std::variant<DeviceDocument, Problems> parse_device_document(std::string const& text,
                                                             std::string const& file);

// Reads the file first; one that cannot be read is one Problem without a line.
std::variant<DeviceDocument, Problems> load_device_document(Path const& file);

}   // namespace config
