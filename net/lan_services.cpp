#include "net/lan_services.hpp"

#include "core/files.hpp"
#include "net/chrony_config.hpp"
#include "net/dnsmasq_config.hpp"
#include "net/prepare_lan.hpp"

#include <algorithm>
#include <optional>

namespace net {
namespace {

using core::Level;
namespace fs = std::filesystem;

constexpr core::Duration kServeAgain = std::chrono::seconds{5};

Result<void> make_directory(fs::path const& directory, fs::perms mode) {
    std::error_code failed;
    fs::create_directories(directory, failed);
    if (!failed) fs::permissions(directory, mode, failed);
    if (failed) return core::fail(failed, "making directory " + directory.string());
    return {};
}

}   // namespace

LanFiles lan_files(fs::path const& run, fs::path const& data) {
    return {.dnsmasq_config = run / "dnsmasq.conf",
            .dnsmasq_hosts = run / "dnsmasq-hosts",
            .dnsmasq_leases = data / "lan" / "dnsmasq.leases",
            .chrony_config = run / "chrony.conf",
            .chrony_socket = run / "chrony" / "chronyd.sock",
            .chrony_pid_file = run / "chrony" / "chronyd.pid",
            .chrony_drift = data / "lan" / "chrony.drift"};
}

LanServices::LanServices(core::Clock& clock,
                         core::StateBus& state,
                         core::ServiceHost& host,
                         core::Log log,
                         config::OperatorDocument document,
                         config::DeviceDocument device)
    : clock_{clock},
      state_{state},
      host_{host},
      log_{std::move(log)},
      document_{std::move(document)},
      device_{std::move(device)} {}

Result<std::vector<core::ServiceSpec>> write_lan_files(config::OperatorDocument const& document,
                                                       config::DeviceDocument const& device,
                                                       std::string const& mac) {
    auto const files = lan_files(*device.run, *device.data);
    auto const dnsmasq = dnsmasq_config(
        document, {.interface = *device.lan, .hosts = files.dnsmasq_hosts, .leases = files.dnsmasq_leases});
    auto const hosts = dnsmasq_hosts(document, mac);
    auto const chrony = chrony_config(
        document,
        {.drift = files.chrony_drift, .socket = files.chrony_socket, .pid_file = files.chrony_pid_file});
    // chronyd makes no socket in a directory that others may enter.
    auto const closed = fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec;
    if (auto ok = make_directory(files.chrony_socket.parent_path(), closed); !ok) return ok.error();
    if (auto ok = make_directory(files.dnsmasq_leases.parent_path(),
                                 closed | fs::perms::others_read | fs::perms::others_exec);
        !ok)
        return ok.error();
    // A killed chronyd leaves it, and the next one refuses to start while any process has that number. Who
    // runs is the host's to know; one that runs looks at it no more.
    if (auto ok = core::remove_file(files.chrony_pid_file); !ok) return ok.error();
    if (auto ok = core::replace_file(files.dnsmasq_config, dnsmasq); !ok) return ok.error();
    if (auto ok = core::replace_file(files.dnsmasq_hosts, hosts); !ok) return ok.error();
    if (auto ok = core::replace_file(files.chrony_config, chrony); !ok) return ok.error();

    std::vector<std::string> chronyd{device.chronyd->string(),    "-d", "-u", "root", "-f",
                                     files.chrony_config.string()};
    if (!*device.set_clock) chronyd.push_back("-x");
    return std::vector<core::ServiceSpec>{
        {.name = "dnsmasq",
         .argv = {device.dnsmasq->string(), "-k", "--conf-file=" + files.dnsmasq_config.string()},
         .configuration = dnsmasq + hosts},
        {.name = "chronyd", .argv = std::move(chronyd), .configuration = chrony}};
}

Task<void> LanServices::run() {
    auto const wanted_address = core::print(*document_.lan);
    std::optional<std::string> written_for;   // this MAC
    for (auto seen = state_.get();; seen = co_await state_.changed_from(seen)) {
        auto const& lan = seen->links.lan;
        bool const has_address = std::ranges::find(lan.addresses, wanted_address) != lan.addresses.end();
        if (!has_address || written_for == lan.mac) continue;
        auto specs = write_lan_files(document_, device_, lan.mac);
        if (!specs) {
            log_(Level::warning, "lan services are not set up, will retry", {{"why", specs.error().text()}});
            co_await clock_.sleep_for(kServeAgain);
            seen = nullptr;   // look again although nothing changed
            continue;
        }
        if (auto ok = keep_lan_files(document_, device_); !ok)
            log_(Level::warning, "without this program the lan would be served as before",
                 {{"why", ok.error().text()}});
        for (auto& spec : *specs) host_.want(std::move(spec));
        written_for = lan.mac;
        log_(Level::info, "lan services set up",
             {{"address", wanted_address}, {"domain", *document_.domain}});
    }
}

}   // namespace net
