#include "config/device_document.hpp"

#include "config/list.hpp"
#include "core/files.hpp"
#include "core/probe_names.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <span>

namespace config {
namespace {

using namespace std::chrono_literals;

// Those that platform/make_board.cpp makes.
constexpr std::array<std::string_view, 3> kBoards{"sim", "rock64", "qemu"};
constexpr std::array<std::string_view, 2> kServiceHosts{"children", "systemd"};
constexpr std::array<std::string_view, 2> kCableRules{"wait", "ignore"};
constexpr std::array<std::string_view, 3> kWatchdogs{"never", "trial", "always"};
constexpr std::array<std::string_view, 3> kWanManagers{"none", "networkd", "udhcpc"};
constexpr std::array<std::string_view, 2> kContainerManagers{"none", "podman"};

auto duration_from(core::Duration least) {
    return [least](Node const& node) { return as_duration(node, least); };
}

core::Error unknown(std::string const& text, std::string_view what, std::span<std::string_view const> known) {
    std::string all;
    for (auto const one : known) all += (all.empty() ? "" : ", ") + std::string{one};
    return core::fail(core::Errc::bad_input, shown(text) + " is not a " + std::string{what} +
                                                 " that this build knows; it knows " + all);
}

// One of `known`; `what` is what the message calls it.
auto known_as(std::string_view what, std::span<std::string_view const> known) {
    return [=](Node const& node) -> Result<std::string> {
        auto text = as_text(node);
        if (!text || std::ranges::find(known, *text) != known.end()) return text;
        return unknown(*text, what, known);
    };
}

// One of `known`, or of a container: which there are is the operator's to say, so one of any name will do.
auto probe_of(std::span<std::string_view const> known) {
    return [=](Node const& node) -> Result<std::string> {
        auto text = as_text(node);
        if (!text || std::ranges::find(known, *text) != known.end() || *text == core::kContainerProbes)
            return text;
        if (core::is_container_probe(*text)) {
            auto const is_named = [](char c) { return is_alphanumeric(c) || c == '_' || c == '-'; };
            auto const name = std::string_view{*text}.substr(core::kContainerProbe.size());
            if (!name.empty() && name.front() != '-' && std::ranges::all_of(name, is_named)) return text;
            return core::fail(core::Errc::bad_input,
                              shown(*text) + " does not name a container: its name has letters, digits, _ "
                                             "and -, and does not begin with -");
        }
        auto error = unknown(*text, "probe", known);
        error.context += ", containers, and container: with a container's name";
        return error;
    };
}

Result<std::string> as_compatible(Node const& node) {
    auto text = as_text(node);
    if (text && (text->empty() || text->size() > 128)) return expected("a text of 1 to 128 characters", node);
    return text;
}

// As in a bundle's manifest (ota/release.hpp).
Result<std::uint64_t> as_index(Node const& node) {
    auto const number = as_long_integer(node, 0, std::int64_t{1} << 53);
    if (!number) return number.error();
    return static_cast<std::uint64_t>(*number);
}

Result<int> as_revision(Node const& node) {
    return as_integer(node, 0, std::numeric_limits<int>::max());
}

Result<std::string> as_signer(Node const& node) {
    auto text = as_text(node);
    if (text && text->empty()) return expected("a common name", node);
    return text;
}

// As useradd takes it; root's containers are those that are privileged.
Result<std::string> as_app_user(Node const& node) {
    static constexpr std::string_view kFirst = "abcdefghijklmnopqrstuvwxyz_";
    auto text = as_text(node);
    if (!text) return text;
    bool const is_user =
        !text->empty() && text->size() <= 32 && kFirst.find(text->front()) != kFirst.npos &&
        text->find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") == std::string::npos;
    if (!is_user) return expected("the name of a user", node);
    if (*text == "root") return expected("a user without privileges", node);
    return text;
}

void read_device(Mapping device, DeviceDocument& document) {
    device.require("board", document.board, known_as("board", kBoards));
    device.require("compatible", document.compatible, as_compatible);
    device.require("built", document.built, as_wall_time);
    device.read("index", document.index, as_index);
    device.read("revision", document.revision, as_revision);
}

void read_interfaces(Mapping interfaces, DeviceDocument& document) {
    bool const wan = interfaces.read("wan", document.wan, as_interface_name);
    bool const lan = interfaces.read("lan", document.lan, as_interface_name);
    interfaces.read("manager", document.wan_manager, known_as("manager of interfaces", kWanManagers));
    if (!wan || !lan || *document.wan != *document.lan) return;
    auto const& [late, early] = document.lan.is_written() ? std::pair{"lan", "wan"} : std::pair{"wan", "lan"};
    interfaces.problem(document.lan.is_written() ? document.lan.at : document.wan.at, late,
                       "must differ from interfaces." + std::string{early} + ", which is " + *document.wan +
                           " too");
}

void read_slots(Mapping slots, DeviceDocument& document) {
    struct Device {
        char const* key;
        Field<Path>* path;
        bool is_readable = false;
    };
    Device devices[] = {{"a.boot", &document.slot_a.boot},
                        {"a.rootfs", &document.slot_a.rootfs},
                        {"b.boot", &document.slot_b.boot},
                        {"b.rootfs", &document.slot_b.rootfs}};
    auto const read = [&](std::string_view slot, Device& boot, Device& rootfs) {
        auto mapping = slots.within(slot);
        boot.is_readable = mapping.require("boot", *boot.path, as_absolute_path);
        rootfs.is_readable = mapping.require("rootfs", *rootfs.path, as_absolute_path);
    };
    read("a", devices[0], devices[1]);
    read("b", devices[2], devices[3]);

    // An update that writes what it runs from: four devices, or none is safe.
    for (auto const* late = std::begin(devices); late != std::end(devices); ++late)
        for (auto const* early = std::begin(devices); early != late; ++early) {
            if (!late->is_readable || !early->is_readable) continue;
            if (late->path->value.lexically_normal() != early->path->value.lexically_normal()) continue;
            slots.problem(late->path->at, late->key,
                          "must differ from slots." + std::string{early->key} + " in line " +
                              std::to_string(early->path->at.line));
            break;
        }
}

void read_boot(Mapping boot, DeviceDocument& document) {
    boot.read("environment", document.boot_environment, as_absolute_path);
    boot.read("attempts", document.boot_attempts, [](Node const& node) { return as_integer(node, 1, 9); });
    boot.read("command_line", document.command_line, as_absolute_path);
    boot.read("files", document.boot_files, as_absolute_path);
}

void read_signers(Mapping& update, DeviceDocument& document) {
    update.require("keyring", document.keyring, as_absolute_path);
    update.read("crl", document.crl, as_absolute_path);
    auto const* const names = update.find("allowed_signers");
    if (!names) return;
    document.allowed_signers = read_list<std::string>(update, "allowed_signers", *names, as_signer);
    document.allowed_signers.at = names->at;
    // An empty list would allow everybody, which is not what somebody who writes one means.
    if (names->kind == Node::Kind::list && names->children.empty())
        update.problem(names->at, "allowed_signers", "must name at least one signer");
}

void read_tls(Mapping& update, DeviceDocument& document) {
    update.read("tls_ca", document.tls_ca, as_absolute_path);
    bool const certificate = update.read("tls_certificate", document.tls_certificate, as_absolute_path);
    bool const key = update.read("tls_key", document.tls_key, as_absolute_path);
    if (!certificate || !key || document.tls_certificate->has_value() == document.tls_key->has_value())
        return;
    if (document.tls_key->has_value())
        update.problem(document.tls_key.at, "tls_key", "needs update.tls_certificate, which is not written");
    else
        update.problem(document.tls_certificate.at, "tls_certificate",
                       "needs update.tls_key, which is not written");
}

void read_update(Mapping update, DeviceDocument& document) {
    read_signers(update, document);
    read_tls(update, document);
    update.read("interval", document.poll_interval, duration_from(1s));
    update.read("first_poll", document.first_poll, duration_from(0s));
    update.read("minimum_rate", document.minimum_rate,
                [](Node const& node) { return as_integer(node, 1, 1'000'000'000); });
    update.read("download_limit", document.download_limit, duration_from(1min));
    update.read("trials_per_bundle", document.trials_per_bundle,
                [](Node const& node) { return as_integer(node, 1, 9); });
}

// systemd.unit(5): what a name may be made of.
Result<std::string> as_service_unit(Node const& node) {
    constexpr std::string_view kEnd = ".service";
    constexpr std::size_t kLongest = 255;
    auto text = as_text(node);
    if (!text) return text;
    auto const allowed = [](char c) {
        return is_alphanumeric(c) || std::string_view{":-_.@\\"}.find(c) != std::string_view::npos;
    };
    if (text->size() <= kEnd.size() || text->size() > kLongest || !text->ends_with(kEnd) ||
        !std::ranges::all_of(*text, allowed))
        return expected("a service's unit, name.service", node);
    return text;
}

void read_units(Mapping& trial, DeviceDocument& document) {
    auto const* const list = trial.find("units");
    if (!list) return;
    document.trial_units = read_list<std::string>(trial, "units", *list, as_service_unit);
    document.trial_units.at = list->at;
}

void read_probes(Mapping& trial, DeviceDocument& document) {
    struct {
        char const* key;
        Field<std::vector<std::string>>* names;
    } const lists[] = {{"required", &document.probes_required},
                       {"wanted", &document.probes_wanted},
                       {"off", &document.probes_off}};
    std::vector<std::string> units;
    for (auto const& unit : *document.trial_units) units.push_back(std::string{core::kUnitProbe} + unit);
    std::vector<std::string_view> known{core::kProbes.begin(), core::kProbes.end()};
    known.insert(known.end(), units.begin(), units.end());
    std::map<std::string, std::string> listed;
    for (auto const& [key, names] : lists) {
        auto const* const list = trial.find(key);
        if (!list) continue;
        *names = read_list<std::string>(trial, key, *list, probe_of(known));
        names->at = list->at;
        for (auto const& name : names->value)
            if (auto const [other, is_new] = listed.emplace(name, key); !is_new)
                trial.problem(names->at, key, name + " is in trial." + other->second + " already");
    }
}

void read_trial(Mapping trial, DeviceDocument& document) {
    bool const window = trial.read("window", document.trial_window, duration_from(1s));
    bool const limit = trial.read("limit", document.trial_limit, duration_from(1s));
    bool const interval = trial.read("interval", document.trial_interval, duration_from(100ms));

    bool const grace = trial.read("grace", document.trial_grace, duration_from(0s));
    trial.read("cable", document.trial_cable, known_as("rule for a cable", kCableRules));
    trial.read("data_minimum_mib", document.data_minimum_mib,
               [](Node const& node) { return as_integer(node, 1, 1 << 20); });
    read_units(trial, document);
    read_probes(trial, document);

    // A default may be the other half of the contradiction: the place is the line that was written.
    auto const place = [](auto const& one, auto const& other) {
        return one.is_written() ? one.at : other.at;
    };
    auto const held = print_duration(*document.trial_window);
    if (window && limit && *document.trial_limit <= *document.trial_window)
        trial.problem(place(document.trial_limit, document.trial_window), "limit",
                      "must be longer than trial.window, " + held + ", but is " +
                          print_duration(*document.trial_limit));
    if (grace && limit && document.trial_grace.is_written() && *document.trial_grace >= *document.trial_limit)
        trial.problem(document.trial_grace.at, "grace",
                      "must be shorter than trial.limit, " + print_duration(*document.trial_limit) +
                          ", but is " + print_duration(*document.trial_grace));
    if (window && interval && *document.trial_interval > *document.trial_window)
        trial.problem(place(document.trial_interval, document.trial_window), "interval",
                      "must be at most trial.window, " + held + ", but is " +
                          print_duration(*document.trial_interval));
}

void read_watchdog(Mapping watchdog, DeviceDocument& document) {
    bool const device = watchdog.read("device", document.watchdog, as_absolute_path);
    bool const fallback = watchdog.read("fallback", document.watchdog_fallback, as_absolute_path);
    watchdog.read("timeout", document.watchdog_timeout, duration_from(10s));
    watchdog.read("enabled", document.watchdog_enabled, known_as("time for a watchdog", kWatchdogs));
    if (device && fallback && document.watchdog_fallback->has_value() && !document.watchdog->has_value())
        watchdog.problem(document.watchdog_fallback.at, "fallback",
                         "needs watchdog.device, which is not written");
}

void read_services(Mapping services, DeviceDocument& document) {
    services.read("host", document.service_host, known_as("service host", kServiceHosts));
    services.read("dnsmasq", document.dnsmasq, as_absolute_path);
    services.read("chronyd", document.chronyd, as_absolute_path);
    services.read("chronyc", document.chronyc, as_absolute_path);
    services.read("busybox", document.busybox, as_absolute_path);
    services.read("udhcpc_script", document.udhcpc_script, as_absolute_path);
    services.read("set_clock", document.set_clock, as_bool);
}

void read_containers_of(Mapping containers, DeviceDocument& document) {
    containers.read("manager", document.container_manager,
                    known_as("manager of containers", kContainerManagers));
    containers.read("app_user", document.app_user, as_app_user);
    containers.read("rootful_units", document.rootful_units, as_absolute_path);
    containers.read("rootless_units", document.rootless_units, as_absolute_path);
    containers.read("podman_socket", document.podman_socket, as_absolute_path);
    containers.read("files", document.files, as_absolute_path);
}

void read_paths(Mapping paths, DeviceDocument& document) {
    paths.read("data", document.data, as_absolute_path);
    paths.read("run", document.run, as_absolute_path);
    paths.read("os_release", document.os_release, as_absolute_path);
    paths.read("networkd", document.networkd, as_absolute_path);
    paths.read("resolv_conf", document.resolv_conf, as_absolute_path);
}

// A real board reads what the kernel says, and is rebooted by systemd.
void check_board(DeviceDocument const& document, Check& check) {
    if (document.board->empty() || *document.board == "sim") return;
    check.that(*document.command_line == "/proc/cmdline", document.command_line.at,
               "boot.command_line: is the kernel's, /proc/cmdline, on every board but sim");
    check.that(!document.reboot_request.is_written(), document.reboot_request.at,
               "sim.reboot_request: is for board sim; this board is " + *document.board);
}

// Where units own the services, their lines say what is run with which files (deploy/systemd).
void check_units(DeviceDocument const& document, Check& check) {
    if (*document.service_host != "systemd") {
        check.that(document.trial_units->empty(), document.trial_units.at,
                   "trial.units: needs services.host to be systemd, which runs units");
        return;
    }
    struct {
        char const* key;
        Field<Path> const& path;
        char const* units;
    } const fixed[] = {{"services.dnsmasq", document.dnsmasq, "/usr/sbin/dnsmasq"},
                       {"services.chronyd", document.chronyd, "/usr/sbin/chronyd"},
                       {"paths.data", document.data, "/data"},
                       {"paths.run", document.run, "/run/atomix"},
                       {"boot.environment", document.boot_environment, "/etc/fw_env.config"},
                       {"boot.command_line", document.command_line, "/proc/cmdline"}};
    for (auto const& [key, path, units] : fixed)
        check.that(*path == units, path.at,
                   std::string{key} + ": must be " + units +
                       " where services.host is systemd, because the units say so");
    check.that(*document.wan_manager != "udhcpc", document.wan_manager.at,
               "interfaces.manager: udhcpc is a child of this program, which has none where services.host is "
               "systemd: use networkd");
}

}   // namespace

std::variant<DeviceDocument, Problems> parse_device_document(std::string const& text,
                                                             std::string const& file) {
    Check check;
    DeviceDocument document;
    if (auto const tree = parse_yaml(text, file, check)) {
        Mapping root{*tree, check};
        read_device(root.within("device"), document);
        read_interfaces(root.within("interfaces"), document);
        root.within("firewall").read("bootstrap_on_wan", document.bootstrap_on_wan, as_bool);
        read_slots(root.within("slots"), document);
        read_boot(root.within("boot"), document);
        read_update(root.within("update"), document);
        read_trial(root.within("trial"), document);
        read_watchdog(root.within("watchdog"), document);
        read_services(root.within("services"), document);
        read_containers_of(root.within("containers"), document);
        read_paths(root.within("paths"), document);
        if (!document.files.is_written()) document.files.value = *document.data / "config/files";
        root.within("sim").read("reboot_request", document.reboot_request, as_absolute_path);
        check_board(document, check);
        check_units(document, check);
    }
    if (!check.is_clean()) return check.take();
    return document;
}

std::variant<DeviceDocument, Problems> load_device_document(Path const& file) {
    auto const text = core::read_file(file, kLongestDocument);
    if (!text) return Problems{{{file.string(), 0, 0}, "cannot be read: " + text.error().text()}};
    return parse_device_document(*text, file.string());
}

}   // namespace config
