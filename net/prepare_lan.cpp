#include "net/prepare_lan.hpp"

#include "core/files.hpp"
#include "net/lan_address.hpp"
#include "net/lan_services.hpp"
#include "net/network_files.hpp"
#include "net/route_socket.hpp"

namespace net {
namespace {

using core::Level;

constexpr std::size_t kLongestLanFile = 1024 * 1024;
constexpr int kReadings = 5;   // of a list that changes while it is read

// Until the kernel's list ends.
Task<Result<void>> read_dump(RouteSocket& socket, LinkTable& table) {
    for (;;) {
        auto const events = co_await socket.next();
        if (!events) co_return events.error();
        for (auto const& event : *events) {
            if (auto const* link = std::get_if<LinkEvent>(&event)) table.apply(*link);
            if (auto const* address = std::get_if<AddressEvent>(&event)) table.apply(*address);
            auto const* end = std::get_if<DumpEnd>(&event);
            if (end && end->complete) co_return Result<void>{};
            if (end)
                co_return fail(make_error_code(boost::system::errc::no_buffer_space),
                               "the kernel's list changed while it was read");
        }
    }
}

Task<Result<LinkTable>> read_once() {
    LinkTable table;
    auto socket = RouteSocket::open(co_await core::asio::this_coro::executor);
    if (!socket) co_return socket.error();
    if (auto ok = socket->request_links(); !ok) co_return ok.error();
    auto const links = co_await read_dump(*socket, table);
    if (!links) co_return links.error();
    if (auto ok = socket->request_addresses(); !ok) co_return ok.error();
    auto const addresses = co_await read_dump(*socket, table);
    if (!addresses) co_return addresses.error();
    co_return table;
}

Task<Result<LinkTable>> read_links() {
    for (int i = 1;; ++i) {
        auto table = co_await read_once();
        if (table || i == kReadings || !is_overrun(table.error())) co_return table;
    }
}

// networkd starts afterwards and reads them. Whatever happens here, the LAN is served.
void prepare_wan(config::OperatorDocument const& document,
                 config::DeviceDocument const& device,
                 core::Log const& log) {
    if (*device.wan_manager != "networkd") return;
    auto const files = networkd_config(document, config::device_names(device));
    if (auto ok = write_network_files(*device.networkd, files); !ok)
        log(Level::warning, "the wan is not as the operator wishes until networkd's files can be written",
            {{"why", ok.error().text()}});
}

}   // namespace

Task<Result<void>>
prepare_lan(config::OperatorDocument document, config::DeviceDocument device, core::Log log) {
    prepare_wan(document, device, log);
    auto const links = co_await read_links();
    if (!links) co_return fail(links, "reading the links");
    auto const lan = links->find(*device.lan);

    if (auto ok = write_lan_files(document, device, lan ? lan->link.mac : ""); !ok) co_return ok.error();
    if (auto ok = keep_lan_files(document, device); !ok)
        log(Level::warning, "without this program the lan would be served as before",
            {{"why", ok.error().text()}});

    if (!lan) {
        log(Level::warning, "lan services are prepared, the interface is not there yet",
            {{"interface", *device.lan}});
        co_return Result<void>{};
    }
    if (auto ok = LanAddress{*document.lan}.ensure(*lan); !ok) co_return ok.error();
    log(Level::info, "lan prepared", {{"interface", *device.lan}, {"address", core::print(*document.lan)}});
    co_return Result<void>{};
}

std::string print_last(core::Cidr lan, LanTexts const& texts) {
    return "== address\n" + core::print(lan) + "\n== dnsmasq.conf\n" + texts.dnsmasq_config +
           "== dnsmasq-hosts\n" + texts.dnsmasq_hosts + "== chrony.conf\n" + texts.chrony_config + "== end\n";
}

Result<void> keep_lan_files(config::OperatorDocument const& document, config::DeviceDocument const& device) {
    auto const files = lan_files(*device.run, *device.data);
    LanTexts texts;
    for (auto const& [file, text] : {std::pair{&files.dnsmasq_config, &texts.dnsmasq_config},
                                     std::pair{&files.dnsmasq_hosts, &texts.dnsmasq_hosts},
                                     std::pair{&files.chrony_config, &texts.chrony_config}}) {
        auto content = core::read_file(*file, kLongestLanFile);
        if (!content) return content.error();
        *text = std::move(*content);
    }
    auto const last = print_last(*document.lan, texts);
    auto const kept_file = *device.data / "lan" / "last";
    if (auto const kept = core::read_file(kept_file, kLongestLanFile); kept && *kept == last) return {};
    return core::replace_file(kept_file, last);
}

}   // namespace net
