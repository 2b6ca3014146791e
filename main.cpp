// The wiring diagram: the only file that knows every folder. It constructs, wires and waits; it decides
// nothing.

#include "config/accepted.hpp"
#include "config/arguments.hpp"
#include "config/flag_watcher.hpp"
#include "core/boot_book.hpp"
#include "core/child_host.hpp"
#include "core/files.hpp"
#include "core/heartbeat.hpp"
#include "core/notify.hpp"
#include "core/processes.hpp"
#include "core/race.hpp"
#include "core/supervisor.hpp"
#include "core/systemd_host.hpp"
#include "health/container_host.hpp"
#include "health/image_keeper.hpp"
#include "health/image_names.hpp"
#include "health/monitor.hpp"
#include "health/prober.hpp"
#include "health/watchdog.hpp"
#include "net/chrony_time.hpp"
#include "net/chrony_wan.hpp"
#include "net/firewall.hpp"
#include "net/forwarding.hpp"
#include "net/https_client.hpp"
#include "net/lan_services.hpp"
#include "net/lease_watcher.hpp"
#include "net/link_monitor.hpp"
#include "net/networkd.hpp"
#include "net/prepare_lan.hpp"
#include "net/resolver_watcher.hpp"
#include "net/status_server.hpp"
#include "net/wan_client.hpp"
#include "ota/life_cycle.hpp"
#include "ota/running_version.hpp"
#include "ota/server_contact.hpp"
#include "ota/uboot_env.hpp"
#include "ota/watched_boot_env.hpp"
#include "platform/linux_watchdog.hpp"
#include "platform/make_board.hpp"
#include "platform/reboot_path.hpp"
#include "platform/status_led.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <cstdlib>
#include <iostream>
#include <random>

namespace {

using core::DeviceState;
using core::Level;
using core::Task;
using core::Writer;

constexpr int kCannotRun = 1;
constexpr int kBadDocument = 2;
constexpr int kHung = 3;

constexpr auto kProbesLimit = std::chrono::minutes{2};   // for a round; each of them has its own, far below
constexpr auto kUnwatchedInterval = std::chrono::minutes{1};   // where the service manager does not watch

// Until SIGTERM or SIGINT; SIGHUP asks for updates. `signals` outlives the loop: a second SIGTERM, or a
// SIGHUP at the wrong moment, must not kill what is ending in order.
Task<void> shutdown_signal(core::asio::signal_set& signals, ota::UpdateTask& updates) {
    for (;;) {
        int const signal = co_await signals.async_wait(core::asio::use_awaitable);
        if (signal != SIGHUP) break;
        updates.poll_now();
    }
    core::notify_service_manager("STOPPING=1");
}

// READY when the links have been read once and clients can connect; a LAN port that is not there must not
// keep this program from becoming ready, or no update could ever repair it. Then a line for `systemctl
// status`.
bool is_ready(DeviceState const& state) {
    return !state.links.lan.name.empty() && (state.serving || !state.links.lan.present);
}

Task<void> tell_service_manager(core::StateBus& state) {
    bool ready = false;
    std::string told;
    for (auto seen = state.get();; seen = co_await state.changed_from(seen)) {
        if (!ready && is_ready(*seen)) {
            core::notify_service_manager("READY=1");
            ready = true;
        }
        auto const line = "STATUS=version " + seen->identity.version + " in slot " +
                          core::name(seen->identity.slot) + ", update " + core::name(seen->update.phase);
        if (line != std::exchange(told, line)) core::notify_service_manager(line);
    }
}

net::HttpsOptions https_options(config::DeviceDocument const& device,
                                config::OperatorDocument const& wishes) {
    net::HttpsOptions options;
    if (auto const& certificate = *device.tls_certificate)
        options.identity = net::ClientIdentity{*certificate, device.tls_key->value()};   // both or neither
    options.identity_for = *wishes.server_url;
    return options;
}

std::unique_ptr<core::ServiceHost> service_host(config::DeviceDocument const& device,
                                                core::Clock& clock,
                                                core::Progress& progress,
                                                Writer<&DeviceState::services> services,
                                                core::Log log) {
    if (*device.service_host == "systemd") {
        auto host =
            std::make_unique<core::SystemdHost>(clock, progress, services, std::move(log), *device.run);
        for (auto const& unit : *device.trial_units) host->observe(unit);
        return host;
    }
    return std::make_unique<core::ChildHost>(clock, services, std::move(log), *device.run);
}

health::Watchdog::Settings watchdog_settings(config::DeviceDocument const& device,
                                             config::OperatorDocument const& wishes) {
    using health::WatchdogMode;
    auto mode = WatchdogMode::trial;
    if (!device.watchdog->has_value() || *device.watchdog_enabled == "never")
        mode = WatchdogMode::never;
    else if (*device.watchdog_enabled == "always")
        mode = WatchdogMode::always;
    return {.mode = mode, .operator_wish = *wishes.watchdog, .timeout = *device.watchdog_timeout};
}

// Half of what the service manager waits for; and where the hardware may be armed, a third of its timeout.
core::Duration heartbeat_interval(health::Watchdog::Settings const& guarding) {
    core::Duration const interval = core::watchdog_interval().value_or(kUnwatchedInterval) / 2;
    if (guarding.mode == health::WatchdogMode::never) return interval;
    return std::min<core::Duration>(interval, guarding.timeout / 3);
}

health::ContainerHost::Settings container_settings(config::DeviceDocument const& device,
                                                   config::InForce const& in_force) {
    auto const& wanted = *in_force.document.containers;
    bool const is_refused = core::is_refused(in_force.state);
    return {.wanted = wanted,
            .files =
                health::render_quadlets(wanted, {.config = *device.data / "config", .files = *device.files}),
            .left_over = is_refused ? health::LeftOver::keep : health::LeftOver::remove,
            .app_user = *device.app_user,
            .rootful_units = *device.rootful_units,
            .rootless_units = *device.rootless_units,
            .data = *device.data,
            .run = *device.run,
            .podman_socket = *device.podman_socket,
            .trial_interval = *device.trial_interval};
}

core::Result<std::unique_ptr<core::Units>> connect_to_systemd(core::asio::any_io_executor executor,
                                                              std::filesystem::path const& socket,
                                                              unsigned owner) {
    auto bus = core::SystemdBus::open(std::move(executor), socket, owner);
    if (!bus) return bus.error();
    return std::unique_ptr<core::Units>{std::make_unique<core::SystemdBus>(std::move(*bus))};
}

Task<core::Result<std::vector<health::PodmanContainer>>>
ask_podman(core::Clock& clock, std::filesystem::path socket, unsigned owner) {
    health::Podman podman{clock, std::move(socket), owner};
    co_return co_await podman.containers();
}

// Where the app user is missing, no container of it ever ran.
std::vector<health::ImageStore> image_stores(config::DeviceDocument const& device) {
    constexpr int kSchema = 1;
    auto const state = *device.data / "state";
    std::vector<health::ImageStore> stores{
        {.of = "root", .socket = *device.podman_socket, .record = {state / "images.json", kSchema}}};
    if (auto const user = health::find_app_user(*device.app_user))
        stores.push_back({.of = user->name,
                          .socket = health::podman_socket_of(user->uid),
                          .owner = user->uid,
                          .record = {state / ("images-" + std::to_string(user->uid) + ".json"), kSchema}});
    return stores;
}

std::unique_ptr<platform::Machine>
board_of(config::DeviceDocument const& device, core::Processes& processes, core::Log const& log) {
    return platform::make_board({.name = *device.board,
                                 .command_line = *device.command_line,
                                 .reboot_request = *device.reboot_request},
                                processes, log.for_component("board"));
}

int run(config::DeviceDocument const& device, core::Log const& log) {
    auto const say = [&](char const* component) { return log.for_component(component); };

    // Who and where we are
    core::SystemProcesses processes;
    auto const machine = board_of(device, processes, log);
    auto& board = *machine;
    auto const slot = board.booted_slot();
    auto const boot_id = board.boot_id();
    if (!slot || !boot_id) {
        log(Level::error, "cannot run", {{"why", (slot ? boot_id.error() : slot.error()).text()}});
        return kCannotRun;
    }
    core::SystemClock clock;
    auto const report = board.boot_report();
    for (auto const& problem : report.problems) log(Level::error, "problem of this boot", {{"why", problem}});
    ota::Books books{*device.data / "state", !report.data_is_lost};
    core::BootBook boot_book{*device.data / "state" / "boots.json", *boot_id, say("boot")};
    config::Accepted const accepted{*device.data, *slot, config::device_names(device)};
    auto const in_force = accepted.choose();
    auto const& wishes = in_force.document;
    std::string in_use = core::name(in_force.state.source);
    if (auto const by = in_force.state.accepted_by) in_use += std::string{" by slot "} + core::name(*by);
    for (auto const& problem : in_force.state.problems)
        log(Level::error, "problem with the operator's document", {{"why", problem}, {"using", in_use}});

    core::asio::io_context io{1};
    core::asio::signal_set signals{io, SIGTERM, SIGINT, SIGHUP};
    core::Workers workers{2};
    core::Progress progress{clock};
    core::StateBus state{
        io.get_executor(),
        DeviceState{.identity = {.board = board.name(),
                                 .compatible = *device.compatible,
                                 .version = ota::running_version(books, *slot, *device.os_release),
                                 .controller = ATOMIX_VERSION,
                                 .slot = *slot,
                                 .boot_id = *boot_id,
                                 .started = clock.now(),
                                 .model = board.model(),
                                 .serial = board.serial()},
                    .config = in_force.state,
                    .network = net::first_setup(wishes, device),
                    .flags = config::read_flags(*device.data / "config"),
                    .update = {.problems = report.problems},
                    .boots = boot_book.boots(board.boot_reason())}};

    // Flag files and kernel -> facts
    config::FlagWatcher flags{*device.data / "config", Writer<&DeviceState::flags>{state}, say("flags")};
    std::vector<std::string> further;
    for (auto const& wish : wishes.further) further.push_back(wish.name);
    net::LinkMonitor links{clock,        progress,    Writer<&DeviceState::links>{state},
                           say("links"), *device.wan, *device.lan,
                           *wishes.lan,  further};
    net::ResolverWatcher resolver{clock, Writer<&DeviceState::resolver>{state}, say("resolver"),
                                  *device.resolv_conf};

    // Facts -> firewall and LAN services
    net::Nft nft;
    net::Firewall firewall{clock,           nft,
                           state,           Writer<&DeviceState::firewall>{state},
                           say("firewall"), net::firewall_facts(device, in_force)};
    net::Forwarding forwarding{clock, Writer<&DeviceState::forwarding>{state}, say("forwarding")};
    auto const host =
        service_host(device, clock, progress, Writer<&DeviceState::services>{state}, say("services"));
    net::LanServices lan_services{clock, state, *host, say("lan"), wishes, device};
    auto const lan_files = net::lan_files(*device.run, *device.data);
    net::LeaseWatcher leases{clock, Writer<&DeviceState::leases>{state}, say("leases"),
                             lan_files.dnsmasq_leases};

    net::ChronyWan chrony_wan{clock, state, processes, say("time"), *device.chronyc, lan_files.chrony_socket};

    // Wishes -> the WAN and further interfaces, by one of the two
    Writer<&DeviceState::network> const network{state};
    net::Networkd networkd{clock,
                           processes,
                           network,
                           say("network"),
                           net::networkd_config(wishes, config::device_names(device)),
                           {.directory = *device.networkd, .told = *device.run / "networkd-told"}};
    net::WanClient wan_client{
        clock, state, *host, processes, network, say("network"), net::wan_orders(wishes, device)};

    // The update server, for probes and updates
    net::ChronyTime chrony{processes, *device.chronyc, lan_files.chrony_socket};
    net::HttpsClient https{clock, *device.tls_ca, std::string{"atomixd/"} + ATOMIX_VERSION,
                           https_options(device, wishes)};
    Writer<&DeviceState::update> const update{state};
    auto const settings = ota::update_settings(device, wishes);
    auto const synchronised = [&] { return chrony.synchronised(); };
    auto const contact_server = [&]() -> Task<void> {
        bool const is_synchronised = co_await synchronised();
        auto const time = ota::judging_time(clock.wall_now(), is_synchronised,
                                            ota::time_floor(books.committed(), settings.built));
        auto request = ota::offer_request(*settings.server_url, state.now(), "", time);
        co_await ota::contact_server(clock, https, update, std::move(request));
    };

    // The operator's containers -> Quadlet files, systemd's units, and facts of them
    health::ContainerHost containers{
        clock,
        progress,
        state,
        Writer<&DeviceState::containers>{state},
        say("containers"),
        container_settings(device, in_force),
        {.connect = connect_to_systemd,
         .containers = [&](auto socket, auto owner) { return ask_podman(clock, std::move(socket), owner); }}};

    health::ImageKeeper images{
        clock, state, say("containers"), image_stores(device), [&] {
            auto const other =
                config::last_accepted(*device.data, core::other(*slot), config::device_names(device));
            return health::image_wishes(in_force, other, books.committed().last == *slot);
        }};

    // Facts -> readings -> verdict
    auto const names = config::gateway_names(wishes);
    auto const rules = health::rules_of(device);
    health::Prober prober{
        clock,
        workers,
        state,
        {.lan = *wishes.lan,
         .local_name = names.empty() ? "" : names.back(),
         .data = *device.data,
         .data_minimum = static_cast<std::uint64_t>(*device.data_minimum_mib) << 20,
         .data_is_lost = report.data_is_lost,
         .built = *device.built,
         .units = *device.trial_units,
         .rules = rules},
        {.clock_is_synchronised = synchronised,
         .contact_server = settings.server_url ? std::function<Task<void>()>{contact_server} : nullptr}};
    health::Monitor monitor{
        clock,
        state,
        Writer<&DeviceState::health>{state},
        say("health"),
        [&] { return core::watched(progress, "monitor", "a round of probes", kProbesLimit, prober.round()); },
        rules,
        *device.trial_interval};

    // Verdict and progress -> the hardware's watchdog; a reboot that does not come -> the same
    platform::LinuxWatchdog hardware{device.watchdog->value_or("")};
    platform::LinuxWatchdog softdog{device.watchdog_fallback->value_or("")};
    std::vector<core::WatchdogDevice*> devices{&hardware};
    if (device.watchdog_fallback->has_value()) devices.push_back(&softdog);
    auto const guarding = watchdog_settings(device, wishes);
    health::Watchdog watchdog{
        clock, state, Writer<&DeviceState::watchdog>{state}, say("watchdog"), std::move(devices), guarding};
    platform::RebootPath reboots{
        board,
        clock,
        {.force = [&](std::string why) { return board.force_reboot(std::move(why)); },
         .starve = [&] { watchdog.starve(); }}};

    // Offer -> spare slot -> boot environment -> trial
    ota::UbootEnv uboot_env{workers, *device.boot_environment, *device.boot_attempts};
    ota::WatchedBootEnv boot_env{uboot_env, progress, "life cycle"};
    std::mt19937_64 random{std::random_device{}()};
    auto const chance = [&] { return std::uniform_real_distribution<>{0, 1}(random); };
    ota::Settlement settlement{clock, boot_env, books, update, say("ota"), settings.attempts, *boot_id};
    ota::UpdateTask updates{clock,
                            https,
                            workers,
                            reboots,
                            boot_env,
                            books,
                            state,
                            update,
                            say("ota"),
                            settings,
                            {.clock_is_synchronised = synchronised,
                             .baseline = [&] { return prober.baseline(); },
                             .chance = chance}};
    ota::LifeCycle life_cycle{clock,   workers, reboots, boot_env,   books,   settlement,
                              updates, state,   update,  say("ota"), settings};

    // Everything -> status on the LAN
    Writer<&DeviceState::serving> serving{state};
    net::StatusServer status{{.address = core::asio::ip::address_v4{wishes.lan->address.bits},
                              .interface = *device.lan,
                              .names = names,
                              .on_listening = [=]() mutable { serving.set(true); },
                              .sensors = [&] { return board.temperatures(); }},
                             clock,
                             state,
                             say("status")};

    core::Supervisor supervisor{clock, say("core")};
    core::Heartbeat heartbeat{clock,
                              progress,
                              supervisor,
                              say("core"),
                              heartbeat_interval(guarding),
                              {.feed =
                                   [&] {
                                       core::notify_service_manager("WATCHDOG=1");
                                       watchdog.feed();
                                   },
                               .end =
                                   [](std::string const& why) {
                                       core::notify_service_manager("STATUS=ended itself: " + why);
                                       std::_Exit(kHung);   // not in order: what hangs would not end
                                   }}};
    supervisor.add("heartbeat", [&] { return heartbeat.run(); });
    supervisor.add("watchdog", [&] { return watchdog.run(); });
    supervisor.add("services", [&] { return host->run(); });
    supervisor.add("flags", [&] { return flags.run(); });
    supervisor.add("links", [&] { return links.run(); });
    supervisor.add("resolver", [&] { return resolver.run(); });
    if (*device.wan_manager == "networkd") supervisor.add("network", [&] { return networkd.run(); });
    if (*device.wan_manager == "udhcpc") supervisor.add("network", [&] { return wan_client.run(); });
    supervisor.add("firewall", [&] { return firewall.run(); });
    supervisor.add("forwarding", [&] { return forwarding.run(); });
    supervisor.add("lan services", [&] { return lan_services.run(); });
    supervisor.add("time", [&] { return chrony_wan.run(); });
    supervisor.add("leases", [&] { return leases.run(); });
    if (*device.container_manager == "podman") {
        supervisor.add("containers", [&] { return containers.run(); });
        supervisor.add("images", [&] { return images.run(); });
    }
    supervisor.add("life cycle", [&] { return life_cycle.run(); });
    supervisor.add("monitor", [&] { return monitor.run(); });
    supervisor.add("boot book", [&] { return boot_book.run(state); });
    supervisor.add("status", [&] { return status.run(); });
    if (auto const led = board.led(); !led.empty())
        supervisor.add("led",
                       [&state, led, log = say("led")] { return platform::keep_led(led, state, log); });
    supervisor.add("service manager", [&] { return tell_service_manager(state); });

    log(Level::notice, "started",
        {{"controller", ATOMIX_VERSION},
         {"version", state.now().identity.version},
         {"slot", core::name(*slot)}});
    std::exception_ptr failed;
    core::asio::co_spawn(io, core::ends_before(supervisor.run(), shutdown_signal(signals, updates)),
                         [&](std::exception_ptr thrown, bool) { failed = thrown; });
    io.run();   // returns when every task has ended
    if (failed) std::rethrow_exception(failed);
    boot_book.ended_in_order();
    log(Level::notice, "ended in order");
    return 0;
}

// What this program does for the LAN before it serves anybody; then the LAN does without it.
int prepare_lan(config::DeviceDocument const& device, core::Log const& log) {
    core::SystemProcesses processes;
    auto const slot = board_of(device, processes, log)->booted_slot();
    if (!slot) {
        log(Level::error, "cannot prepare the lan", {{"why", slot.error().text()}});
        return kCannotRun;
    }
    auto const in_force = config::Accepted{*device.data, *slot, config::device_names(device)}.choose();
    for (auto const& problem : in_force.state.problems)
        log(Level::error, "problem with the operator's document", {{"why", problem}});

    core::asio::io_context io{1};
    std::exception_ptr failed;
    core::Result<void> prepared;
    core::asio::co_spawn(io, net::prepare_lan(in_force.document, device, log),
                         [&](std::exception_ptr thrown, core::Result<void> done) {
                             failed = thrown;
                             prepared = std::move(done);
                         });
    io.run();
    if (failed) std::rethrow_exception(failed);
    if (!prepared) log(Level::error, "cannot prepare the lan", {{"why", prepared.error().text()}});
    return prepared ? 0 : kCannotRun;
}

// Loads the image's document and hands it on, with a log.
template <class Mode> int with_device(std::filesystem::path const& file, Level quietest, Mode mode) {
    auto const loaded = config::load_device_document(file);
    if (auto const* problems = std::get_if<config::Problems>(&loaded)) {
        for (auto const& problem : *problems) std::cerr << problem.text() << '\n';
        return kBadDocument;
    }
    core::Log const log{core::standard_error_sink(quietest), "main"};
    try {
        return mode(std::get<config::DeviceDocument>(loaded), log);
    } catch (std::exception const& bug) {
        log(Level::error, "ended by a bug", {{"why", bug.what()}});
        return kCannotRun;
    }
}

}   // namespace

int main(int argc, char** argv) {
    // A look-up cannot be interrupted (getaddrinfo on Asio's thread): the end of this program waits for it.
    ::setenv("RES_OPTIONS", "timeout:2 attempts:2", 0);
    auto const arguments = config::parse_arguments({argv + 1, argv + std::max(argc, 1)});
    if (auto const* daemon = std::get_if<config::RunDaemon>(&arguments))
        return with_device(daemon->device, daemon->verbose ? Level::debug : Level::info, run);
    if (auto const* before = std::get_if<config::PrepareLan>(&arguments))
        return with_device(before->device, Level::info, prepare_lan);
    if (auto const* check = std::get_if<config::CheckFiles>(&arguments)) return config::check_files(*check);
    if (std::holds_alternative<config::ShowVersion>(arguments)) {
        std::cout << "atomixd " << ATOMIX_VERSION << '\n';
        return 0;
    }
    if (auto const* bad = std::get_if<config::BadUsage>(&arguments)) {
        std::cerr << "atomixd: " << bad->why << '\n' << config::kUsage;
        return kBadDocument;
    }
    std::cout << config::kUsage;
    return 0;
}
