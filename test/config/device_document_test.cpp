#include "config/device_document.hpp"

#include "config/documents.hpp"
#include "core/files.hpp"
#include "support/temporary_directory.hpp"

#include <algorithm>

using namespace std::chrono_literals;

namespace {

auto parse(std::string const& text) {
    return config::parse_device_document(text, "device.yaml");
}

}   // namespace

TEST_CASE("the simulated board's document means what it says") {
    auto const parsed = parse(test::sim_device_document());
    REQUIRE(test::problem_in(parsed) == "");
    auto const& document = std::get<config::DeviceDocument>(parsed);

    CHECK(*document.board == "sim");
    CHECK(*document.compatible == "atomix-sim");
    CHECK(core::print_wall_time(*document.built) == "2026-11-01T00:00:00Z");
    CHECK(*document.wan == "eth0");
    CHECK(*document.lan == "eth1");
    CHECK(*document.slot_a.boot == "/slots/boot-a");
    CHECK(*document.slot_a.rootfs == "/slots/rootfs-a");
    CHECK(*document.slot_b.boot == "/slots/boot-b");
    CHECK(*document.slot_b.rootfs == "/slots/rootfs-b");
    CHECK(*document.boot_environment == "/etc/fw_env.config");
    CHECK(*document.boot_attempts == 3);
    CHECK(*document.command_line == "/run/atomix/cmdline");
    CHECK(*document.keyring == "/etc/atomix/keyring.pem");
    CHECK(*document.tls_ca == config::Path{"/etc/atomix/tls-ca.pem"});
    CHECK(*document.poll_interval == 20s);
    CHECK(*document.first_poll == 3s);
    CHECK(*document.trial_window == 5s);
    CHECK(*document.trial_limit == 30s);
    CHECK(*document.trial_interval == 1s);
    CHECK(*document.service_host == "children");
    CHECK(*document.dnsmasq == "/usr/sbin/dnsmasq");
    CHECK(*document.chronyd == "/usr/sbin/chronyd");
    CHECK(*document.chronyc == "/usr/bin/chronyc");
    CHECK_FALSE(*document.set_clock);
    CHECK(*document.data == "/data");
    CHECK(*document.run == "/run/atomix");
    CHECK(*document.os_release == "/etc/os-release");
    CHECK(*document.reboot_request == "/run/atomix/reboot");
    CHECK(document.board.at == config::Place{"device.yaml", 3, 10});
}

TEST_CASE("where units own the services, the paths are those of the units") {
    auto const parsed = parse("device: {board: sim, compatible: c, built: 2026-11-01T00:00:00Z}\n"
                              "slots: {a: {boot: /1, rootfs: /2}, b: {boot: /3, rootfs: /4}}\n"
                              "update: {keyring: /k}\n"
                              "interfaces: {manager: udhcpc}\n"
                              "services: {host: systemd, chronyd: /opt/chronyd}\n"
                              "paths: {data: /mnt, run: /run/other}\n"
                              "boot: {environment: /env, command_line: /line}\n");
    auto const why = std::string{" where services.host is systemd, because the units say so"};
    REQUIRE(std::holds_alternative<config::Problems>(parsed));
    std::string all;
    for (auto const& problem : std::get<config::Problems>(parsed)) all += problem.text() + '\n';
    CHECK(all ==
          "device.yaml:4:23: interfaces.manager: udhcpc is a child of this program, which has none where "
          "services.host is systemd: use networkd\n"
          "device.yaml:5:36: services.chronyd: must be /usr/sbin/chronyd" +
              why + "\n" + "device.yaml:6:15: paths.data: must be /data" + why + "\n" +
              "device.yaml:6:26: paths.run: must be /run/atomix" + why + "\n" +
              "device.yaml:7:21: boot.environment: must be /etc/fw_env.config" + why + "\n" +
              "device.yaml:7:41: boot.command_line: must be /proc/cmdline" + why + "\n");

    auto const fine = parse("device: {board: sim, compatible: c, built: 2026-11-01T00:00:00Z}\n"
                            "slots: {a: {boot: /1, rootfs: /2}, b: {boot: /3, rootfs: /4}}\n"
                            "update: {keyring: /k}\n"
                            "services: {host: systemd}\n");
    REQUIRE(test::problem_in(fine) == "");
    CHECK(*std::get<config::DeviceDocument>(fine).service_host == "systemd");
}

TEST_CASE("a real board has the kernel's command line, and no stand-in to ask for a reboot") {
    auto const parsed = parse(test::replaced(test::sim_device_document(), "board: sim", "board: rock64"));
    CHECK(test::texts(parsed) ==
          std::vector<std::string>{
              "device.yaml:18:17: boot.command_line: is the kernel's, /proc/cmdline, on every board but sim",
              "device.yaml:45:19: sim.reboot_request: is for board sim; this board is rock64"});
}

TEST_CASE("what is required is enough, and the rest has its defaults") {
    auto const parsed = parse("device: {board: sim, compatible: c, built: 2026-11-01T00:00:00Z}\n"
                              "slots: {a: {boot: /1, rootfs: /2}, b: {boot: /3, rootfs: /4}}\n"
                              "update: {keyring: /k}\n"
                              "paths:\n"
                              "  # data: /elsewhere\n");
    REQUIRE(test::problem_in(parsed) == "");
    auto const& document = std::get<config::DeviceDocument>(parsed);
    CHECK(*document.wan == "eth0");
    CHECK(*document.lan == "eth1");
    CHECK_FALSE(document.wan.is_written());
    CHECK(*document.wan_manager == "none");
    CHECK(*document.networkd == "/run/systemd/network");
    CHECK(*document.resolv_conf == "/etc/resolv.conf");
    CHECK(*document.tls_ca == std::nullopt);
    CHECK(*document.poll_interval == 1h);
    CHECK(*document.trial_window == 60s);
    CHECK(*document.trial_grace == 10s);
    CHECK(*document.trial_cable == "wait");
    CHECK(document.probes_off->empty());
    CHECK(*document.data_minimum_mib == 16);
    CHECK(*document.set_clock);
    CHECK_FALSE(*document.bootstrap_on_wan);
    CHECK(*document.data == "/data");
    CHECK(*document.index == 0);
    CHECK_FALSE(*document.revision);
    CHECK_FALSE(*document.boot_files);
    CHECK_FALSE(*document.crl);
    CHECK(document.allowed_signers->empty());
    CHECK_FALSE(*document.tls_certificate);
    CHECK_FALSE(*document.tls_key);
    CHECK(*document.minimum_rate == 1024);
    CHECK(*document.trials_per_bundle == 1);
    CHECK(*document.download_limit == 24h);
}

TEST_CASE("what decides about updates is read") {
    auto text = test::replaced(test::sim_device_document(), "  board: sim",
                               "  board: sim\n  index: 9007199254740992\n  revision: 0");
    text = test::replaced(text, "  attempts: 3", "  attempts: 3\n  files: /boot");
    text = test::replaced(text, "  interval: 20s",
                          "  interval: 20s\n  crl: /etc/atomix/crl.pem\n"
                          "  allowed_signers: [Release, 'Release 2', Release]\n"
                          "  tls_certificate: /data/tls/device.pem\n  tls_key: /data/tls/device.key\n"
                          "  minimum_rate: 1\n  download_limit: 1min\n  trials_per_bundle: 3");
    auto const parsed = parse(text);
    REQUIRE(test::problem_in(parsed) == "");
    auto const& document = std::get<config::DeviceDocument>(parsed);
    CHECK(*document.index == std::uint64_t{1} << 53);
    CHECK(*document.revision == 0);
    CHECK(*document.boot_files == config::Path{"/boot"});
    CHECK(*document.crl == config::Path{"/etc/atomix/crl.pem"});
    CHECK(*document.allowed_signers == std::vector<std::string>{"Release", "Release 2"});
    CHECK(*document.tls_certificate == config::Path{"/data/tls/device.pem"});
    CHECK(*document.tls_key == config::Path{"/data/tls/device.key"});
    CHECK(*document.minimum_rate == 1);
    CHECK(*document.trials_per_bundle == 3);
    CHECK(*document.download_limit == 1min);
}

TEST_CASE("each rule of the device document has its sentence") {
    struct {
        std::string name;
        char const* old;
        char const* fresh;
        std::string want;
    } const cases[] = {
        {"board of another build", "board: sim", "board: toaster",
         "device.yaml:3:10: device.board: \"toaster\" is not a board that this build knows; it knows sim, "
         "rock64, "
         "qemu"},
        {"board is a number", "board: sim", "board: 64",
         "device.yaml:3:10: device.board: expected a text (put a number in quotes), not \"64\""},
        {"compatible is empty", "compatible: atomix-sim", "compatible: ''",
         "device.yaml:4:15: device.compatible: expected a text of 1 to 128 characters, not the text \"\""},
        {"no such day", "built: 2026-11-01", "built: 2026-02-30",
         "device.yaml:5:10: device.built: expected a UTC time such as 2026-11-01T00:00:00Z, not "
         "\"2026-02-30T00:00:00Z\""},
        {"required key missing", "  keyring: /etc/atomix/keyring.pem\n", "",
         "device.yaml:20:1: update.keyring: is required"},
        {"required key without value", "keyring: /etc/atomix/keyring.pem",
         "keyring:", "device.yaml:21:3: update.keyring: expected a text, not nothing"},
        {"same interface", "lan: eth1", "lan: eth0",
         "device.yaml:9:8: interfaces.lan: must differ from interfaces.wan, which is eth0 too"},
        {"same interface as the default", "  wan: eth0\n  lan: eth1", "  wan: eth1",
         "device.yaml:8:8: interfaces.wan: must differ from interfaces.lan, which is eth1 too"},
        {"interface name too long", "wan: eth0", "wan: abcdefghijklmnop",
         "device.yaml:8:8: interfaces.wan: expected an interface name of 1 to 15 letters, digits, _ . : -, "
         "not "
         "\"abcdefghijklmnop\""},
        {"another manager of interfaces", "  lan: eth1", "  lan: eth1\n  manager: ifupdown",
         "device.yaml:10:12: interfaces.manager: \"ifupdown\" is not a manager of interfaces that this build "
         "knows; it knows none, networkd, udhcpc"},
        {"slot missing", "  b: {boot: /slots/boot-b, rootfs: /slots/rootfs-b}\n", "",
         "device.yaml:11:1: slots.b.boot: is required\ndevice.yaml:11:1: slots.b.rootfs: is required"},
        {"slot path relative", "boot: /slots/boot-a", "boot: slots/boot-a",
         "device.yaml:12:13: slots.a.boot: expected an absolute path, not \"slots/boot-a\""},
        {"slot paths equal", "rootfs: /slots/rootfs-b", "rootfs: /slots/../slots/rootfs-a",
         "device.yaml:13:36: slots.b.rootfs: must differ from slots.a.rootfs in line 12"},
        {"slots is a text",
         "slots:\n  a: {boot: /slots/boot-a, rootfs: /slots/rootfs-a}\n"
         "  b: {boot: /slots/boot-b, rootfs: /slots/rootfs-b}\n",
         "slots: none\n", "device.yaml:11:8: slots: expected a mapping, not \"none\""},
        {"attempts 0", "attempts: 3", "attempts: 0",
         "device.yaml:17:13: boot.attempts: expected an integer from 1 to 9, not \"0\""},
        {"attempts 10", "attempts: 3", "attempts: 10",
         "device.yaml:17:13: boot.attempts: expected an integer from 1 to 9, not \"10\""},
        {"attempts is a text", "attempts: 3", "attempts: \"3\"",
         "device.yaml:17:13: boot.attempts: expected an integer from 1 to 9, not the text \"3\""},
        {"index negative", "board: sim", "board: sim\n  index: -1",
         "device.yaml:4:10: device.index: expected an integer from 0 to 9007199254740992, not \"-1\""},
        {"index too large", "board: sim", "board: sim\n  index: 9007199254740993",
         "device.yaml:4:10: device.index: expected an integer from 0 to 9007199254740992, not "
         "\"9007199254740993\""},
        {"index beyond 64 bits", "board: sim", "board: sim\n  index: 99999999999999999999",
         "device.yaml:4:10: device.index: expected an integer from 0 to 9007199254740992, not "
         "\"99999999999999999999\""},
        {"revision is a text", "board: sim", "board: sim\n  revision: v2",
         "device.yaml:4:13: device.revision: expected an integer from 0 to 2147483647, not \"v2\""},
        {"boot files relative", "attempts: 3", "files: boot",
         "device.yaml:17:10: boot.files: expected an absolute path, not \"boot\""},
        {"list of revoked without value", "interval: 20s",
         "crl:", "device.yaml:23:3: update.crl: expected a text, not nothing"},
        {"signers as a text", "interval: 20s", "allowed_signers: Release",
         "device.yaml:23:20: update.allowed_signers: expected a list, not \"Release\""},
        {"no signer", "interval: 20s", "allowed_signers: []",
         "device.yaml:23:20: update.allowed_signers: must name at least one signer"},
        {"signer without a name", "interval: 20s", "allowed_signers: [Release, '']",
         "device.yaml:23:30: update.allowed_signers: expected a common name, not the text \"\""},
        {"certificate without key", "interval: 20s", "tls_certificate: /c",
         "device.yaml:23:20: update.tls_certificate: needs update.tls_key, which is not written"},
        {"key without certificate", "interval: 20s", "tls_key: /k",
         "device.yaml:23:12: update.tls_key: needs update.tls_certificate, which is not written"},
        {"one problem for a pair with a bad half", "interval: 20s", "tls_key: k\n  tls_certificate: /c",
         "device.yaml:23:12: update.tls_key: expected an absolute path, not \"k\""},
        {"rate 0", "interval: 20s", "minimum_rate: 0",
         "device.yaml:23:17: update.minimum_rate: expected an integer from 1 to 1000000000, not \"0\""},
        {"limit too short", "interval: 20s", "download_limit: 59s",
         "device.yaml:23:19: update.download_limit: must be at least 1min"},
        {"duration without unit", "interval: 20s", "interval: 20",
         "device.yaml:23:13: update.interval: expected a duration such as 500ms, 60s, 10min or 1h, not "
         "\"20\""},
        {"poll interval too short", "interval: 20s", "interval: 999ms",
         "device.yaml:23:13: update.interval: must be at least 1s"},
        {"window too short", "window: 5s", "window: 999ms",
         "device.yaml:27:11: trial.window: must be at least 1s"},
        {"limit equal to window", "limit: 30s", "limit: 5s",
         "device.yaml:28:10: trial.limit: must be longer than trial.window, 5s, but is 5s"},
        {"default limit shorter than window", "window: 5s\n  limit: 30s", "window: 20min",
         "device.yaml:27:11: trial.limit: must be longer than trial.window, 20min, but is 10min"},
        {"interval longer than window", "interval: 1s", "interval: 6s",
         "device.yaml:29:13: trial.interval: must be at most trial.window, 5s, but is 6s"},
        {"grace that is no duration", "grace: 0s", "grace: 5",
         "device.yaml:30:10: trial.grace: expected a duration such as 500ms, 60s, 10min or 1h, not \"5\""},
        {"grace as long as the limit", "grace: 0s", "grace: 30s",
         "device.yaml:30:10: trial.grace: must be shorter than trial.limit, 30s, but is 30s"},
        {"cable unknown", "grace: 0s", "cable: maybe",
         "device.yaml:30:10: trial.cable: \"maybe\" is not a rule for a cable that this build knows; it "
         "knows "
         "wait, ignore"},
        {"probe unknown", "grace: 0s", "wanted: [ntp, dsn]",
         "device.yaml:30:17: trial.wanted: \"dsn\" is not a probe that this build knows; it knows dns, ntp, "
         "dhcp, dnsmasq, chronyd, lan_address, lan_link, wan_lease, firewall, forwarding, data_space, "
         "data_writable, clock, loop_latency, update_server, document, containers, and container: with a "
         "container's "
         "name"},
        {"container without a name", "grace: 0s", "wanted: [\"container:\"]",
         "device.yaml:30:12: trial.wanted: \"container:\" does not name a container: its name has letters, "
         "digits, _ and -, and does not begin with -"},
        {"container of an impossible name", "grace: 0s", "wanted: [\"container:a/b\"]",
         "device.yaml:30:12: trial.wanted: \"container:a/b\" does not name a container: its name has "
         "letters, "
         "digits, _ and -, and does not begin with -"},
        {"probe in two lists", "grace: 0s", "wanted: [ntp]\n  off: [ntp]",
         "device.yaml:31:8: trial.off: ntp is in trial.wanted already"},
        {"a unit that is no service", "grace: 0s", "units: [a.timer]",
         "device.yaml:30:11: trial.units: expected a service's unit, name.service, not \"a.timer\""},
        {"a unit with a path", "grace: 0s", "units: [/a.service]",
         "device.yaml:30:11: trial.units: expected a service's unit, name.service, not \"/a.service\""},
        {"units without systemd", "grace: 0s", "units: [a.service]",
         "device.yaml:30:10: trial.units: needs services.host to be systemd, which runs units"},
        {"a unit's probe that is none", "grace: 0s", "wanted: [unit:a.service]",
         "device.yaml:30:12: trial.wanted: \"unit:a.service\" is not a probe that this build knows; it knows "
         "dns, "
         "ntp, dhcp, dnsmasq, chronyd, lan_address, lan_link, wan_lease, firewall, forwarding, data_space, "
         "data_writable, clock, loop_latency, update_server, document, containers, and container: "
         "with a container's name"},
        {"no space at all", "grace: 0s", "data_minimum_mib: 0",
         "device.yaml:30:21: trial.data_minimum_mib: expected an integer from 1 to 1048576, not \"0\""},
        {"host unknown", "host: children", "host: docker",
         "device.yaml:33:9: services.host: \"docker\" is not a service host that this build knows; it knows "
         "children, systemd"},
        {"program that the unit does not run", "host: children\n  dnsmasq: /usr/sbin/dnsmasq",
         "host: systemd\n  dnsmasq: /opt/dnsmasq",
         "device.yaml:18:17: boot.command_line: must be /proc/cmdline where services.host is systemd, "
         "because "
         "the units say so\n"
         "device.yaml:34:12: services.dnsmasq: must be /usr/sbin/dnsmasq where services.host is systemd, "
         "because the units say so"},
        {"bool of YAML 1.1", "set_clock: false", "set_clock: NO",
         "device.yaml:37:14: services.set_clock: expected true or false, not \"NO\""},
        {"unknown key", "  run: /run/atomix", "  runn: /run/atomix",
         "device.yaml:41:3: paths.runn: is not a known key here; known are data, run, os_release, networkd, "
         "resolv_conf"},
        {"unknown section", "sim:", "simulation:",
         "device.yaml:44:1: simulation: is not a known key here; known are device, interfaces, firewall, "
         "slots, boot, update, trial, watchdog, services, containers, paths, sim"},
        {"a watchdog at the wrong time",
         "sim:", "watchdog: {device: /dev/watchdog0, enabled: sometimes}\nsim:",
         "device.yaml:44:45: watchdog.enabled: \"sometimes\" is not a time for a watchdog that this build "
         "knows; it "
         "knows never, trial, always"},
        {"a fallback of nothing", "sim:", "watchdog: {fallback: /dev/watchdog1}\nsim:",
         "device.yaml:44:22: watchdog.fallback: needs watchdog.device, which is not written"},
        {"bootstrap that is no bool", "slots:", "firewall: {bootstrap_on_wan: yes}\nslots:",
         "device.yaml:11:30: firewall.bootstrap_on_wan: expected true or false, not \"yes\""},
        {"bootstrap misspelt", "slots:", "firewall:\n  bootstrap: true\nslots:",
         "device.yaml:12:3: firewall.bootstrap: is not a known key here; known are bootstrap_on_wan"},
        {"duplicate key", "data: /data", "data: /data\n  data: /elsewhere",
         "device.yaml:41:3: paths.data: is written twice, first in line 40"},
        {"list instead of a path", "data: /data", "data: [/data]",
         "device.yaml:40:9: paths.data: expected a text, not a list"},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        CHECK(test::problem_in(parse(test::replaced(test::sim_device_document(), c.old, c.fresh))) == c.want);
    }
}

TEST_CASE("the image's document says which probes count, what a cable means and how much space is needed") {
    auto const parsed = parse(test::replaced(test::sim_device_document(), "grace: 0s",
                                             "grace: 2s\n  cable: ignore\n  required: [lan_link]\n"
                                             "  wanted: [ntp, ntp]\n  off: []\n  data_minimum_mib: 64"));
    REQUIRE(test::problem_in(parsed) == "");
    auto const& document = std::get<config::DeviceDocument>(parsed);
    CHECK(*document.trial_grace == 2s);
    CHECK(*document.trial_cable == "ignore");
    CHECK(*document.probes_required == std::vector<std::string>{"lan_link"});
    CHECK(*document.probes_wanted == std::vector<std::string>{"ntp"});
    CHECK(document.probes_off->empty());
    CHECK(*document.data_minimum_mib == 64);
}

TEST_CASE("the image's document may say what one container counts for, and what all the others do") {
    auto const parsed = parse(test::replaced(
        test::sim_device_document(), "grace: 0s",
        "grace: 0s\n  required: [containers]\n  wanted: [container:web-2]\n  off: [\"container:_x\"]"));
    REQUIRE(test::problem_in(parsed) == "");
    auto const& document = std::get<config::DeviceDocument>(parsed);
    CHECK(*document.probes_required == std::vector<std::string>{"containers"});
    CHECK(*document.probes_wanted == std::vector<std::string>{"container:web-2"});
    CHECK(*document.probes_off == std::vector<std::string>{"container:_x"});
}

TEST_CASE("the image's document may open the bootstrap port on the WAN") {
    auto const text =
        test::replaced(test::sim_device_document(), "slots:", "firewall: {bootstrap_on_wan: true}\nslots:");
    auto const parsed = parse(text);
    REQUIRE(test::problem_in(parsed) == "");
    CHECK(*std::get<config::DeviceDocument>(parsed).bootstrap_on_wan);
}

TEST_CASE("a trial interval as long as the window and a limit just above it are allowed") {
    auto text = test::replaced(test::sim_device_document(), "interval: 1s", "interval: 5s");
    CHECK(test::problem_in(parse(test::replaced(text, "limit: 30s", "limit: 5001ms"))) == "");
}

TEST_CASE("nobody runs containers unless the image says who, and where its files are") {
    auto const defaults = parse(test::sim_device_document());
    REQUIRE(test::problem_in(defaults) == "");
    auto const& none = std::get<config::DeviceDocument>(defaults);
    CHECK(*none.container_manager == "none");
    CHECK(*none.app_user == "appsvc");
    CHECK(*none.rootful_units == "/etc/containers/systemd");
    CHECK(*none.rootless_units == "/etc/containers/systemd/users");
    CHECK(*none.podman_socket == "/run/podman/podman.sock");
    CHECK(*none.files == "/data/config/files");

    auto const moved = parse(test::replaced(test::sim_device_document(), "data: /data", "data: /mnt"));
    REQUIRE(test::problem_in(moved) == "");
    CHECK(*std::get<config::DeviceDocument>(moved).files == "/mnt/config/files");

    auto const parsed = parse(test::sim_device_document() +
                              "containers: {manager: podman, app_user: app_1, rootful_units: /1,\n"
                              "  rootless_units: /2, podman_socket: /3, files: /4}\n");
    REQUIRE(test::problem_in(parsed) == "");
    auto const& document = std::get<config::DeviceDocument>(parsed);
    CHECK(*document.container_manager == "podman");
    CHECK(*document.app_user == "app_1");
    CHECK(*document.rootful_units == "/1");
    CHECK(*document.rootless_units == "/2");
    CHECK(*document.podman_socket == "/3");
    CHECK(*document.files == "/4");
}

TEST_CASE("each rule of the image's containers has its sentence") {
    struct {
        char const* body;
        std::string want;   // after the place
    } const cases[] = {
        {"manager: docker", "containers.manager: \"docker\" is not a manager of containers that this build "
                            "knows; it knows none, podman"},
        {"app_user: root", "containers.app_user: expected a user without privileges, not \"root\""},
        {"app_user: A b", "containers.app_user: expected the name of a user, not \"A b\""},
        {"app_user: ''", "containers.app_user: expected the name of a user, not the text \"\""},
        {"files: here", "containers.files: expected an absolute path, not \"here\""},
    };
    auto const text = test::sim_device_document();
    auto const line = std::to_string(std::ranges::count(text, '\n') + 1);
    for (auto const& c : cases) {
        CAPTURE(c.body);
        auto const told = test::problem_in(parse(text + "containers: {" + c.body + "}\n"));
        auto const column = 14 + std::string_view{c.body}.find(' ') + 1;
        CHECK(told == "device.yaml:" + line + ':' + std::to_string(column) + ": " + c.want);
    }
}

TEST_CASE("the watchdog runs in trials for a minute unless the image says otherwise, if there is one") {
    config::DeviceDocument const defaults;
    CHECK(!*defaults.watchdog);
    CHECK(*defaults.watchdog_enabled == "trial");
    CHECK(*defaults.watchdog_timeout == 60s);
    auto const parsed = parse(
        test::sim_device_document() +
        "watchdog: {device: /dev/watchdog0, fallback: /dev/watchdog1, timeout: 30s, enabled: always}\n");
    REQUIRE(test::problem_in(parsed) == "");
    auto const& document = std::get<config::DeviceDocument>(parsed);
    CHECK(**document.watchdog == "/dev/watchdog0");
    CHECK(**document.watchdog_fallback == "/dev/watchdog1");
    CHECK(*document.watchdog_timeout == 30s);
    CHECK(*document.watchdog_enabled == "always");
}

TEST_CASE("the timer that ends a trial leaves 5 min more than this program takes by default") {
    std::string const file = SOURCE_DIRECTORY "/deploy/systemd/atomix-trial-end.timer";
    auto const timer = core::read_file(file, 10'000);
    REQUIRE(timer.has_value());
    auto const after = *config::DeviceDocument{}.trial_limit + 5min;
    auto const line =
        "\nOnBootSec=" + std::to_string(std::chrono::duration_cast<std::chrono::minutes>(after).count()) +
        "min\n";
    CHECK(timer->find(line) != std::string::npos);
}

TEST_CASE("ten problems are reported at once, in the order of the lines") {
    auto const parsed = parse("device:\n"
                              "  board: rock65\n"
                              "  built: yesterday\n"
                              "  colour: blue\n"
                              "interfaces: {wan: eth0, lan: eth0}\n"
                              "slots:\n"
                              "  a: {boot: /a, rootfs: b}\n"
                              "  b: {boot: /a, rootfs: /d}\n"
                              "boot: {attempts: 12}\n"
                              "trial: {window: 10s, limit: 10s}\n");
    CHECK(test::texts(parsed) ==
          std::vector<std::string>{
              "device.yaml:1:1: device.compatible: is required",
              "device.yaml:1:1: update.keyring: is required",
              "device.yaml:2:10: device.board: \"rock65\" is not a board that this build knows; it knows sim, rock64, qemu",
              "device.yaml:3:10: device.built: expected a UTC time such as 2026-11-01T00:00:00Z, not "
              "\"yesterday\"",
              "device.yaml:4:3: device.colour: is not a known key here; known are board, compatible, built, "
              "index, revision",
              "device.yaml:5:30: interfaces.lan: must differ from interfaces.wan, which is eth0 too",
              "device.yaml:7:25: slots.a.rootfs: expected an absolute path, not \"b\"",
              "device.yaml:8:13: slots.b.boot: must differ from slots.a.boot in line 7",
              "device.yaml:9:18: boot.attempts: expected an integer from 1 to 9, not \"12\"",
              "device.yaml:10:29: trial.limit: must be longer than trial.window, 10s, but is 10s",
          });
}

TEST_CASE("an empty document names everything that is required") {
    CHECK(test::texts(parse("")) ==
          std::vector<std::string>{
              "device.yaml:1:1: device.board: is required", "device.yaml:1:1: device.compatible: is required",
              "device.yaml:1:1: device.built: is required", "device.yaml:1:1: slots.a.boot: is required",
              "device.yaml:1:1: slots.a.rootfs: is required", "device.yaml:1:1: slots.b.boot: is required",
              "device.yaml:1:1: slots.b.rootfs: is required",
              "device.yaml:1:1: update.keyring: is required"});
    CHECK(test::problem_in(parse("- 1\n")) == "device.yaml:1:1: expected a mapping, not a list");
}

TEST_CASE("units that a trial requires are the image's, and their probes can be moved") {
    auto text = test::replaced(test::sim_device_document(), "grace: 0s",
                               "units: [a.service, \"b@1.service\"]\n  wanted: [unit:a.service]");
    text = test::replaced(text, "host: children", "host: systemd");
    auto const parsed = parse(test::replaced(text, "/run/atomix/cmdline", "/proc/cmdline"));
    REQUIRE(test::problem_in(parsed) == "");
    auto const& document = std::get<config::DeviceDocument>(parsed);
    CHECK(*document.trial_units == std::vector<std::string>{"a.service", "b@1.service"});
    CHECK(*document.probes_wanted == std::vector<std::string>{"unit:a.service"});
}

TEST_CASE("a device document that cannot be read is one problem without a line") {
    test::TemporaryDirectory directory;
    auto const missing = (directory / "device.yaml").string();
    auto const parsed = config::load_device_document(missing);
    REQUIRE(test::texts(parsed).size() == 1);
    CHECK(test::problem_in(parsed).starts_with(missing + ": cannot be read: " + missing + " does not exist"));

    std::ofstream{missing} << test::sim_device_document();
    CHECK(test::problem_in(config::load_device_document(missing)) == "");
}
