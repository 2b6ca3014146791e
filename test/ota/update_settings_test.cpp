#include "ota/update_settings.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;

TEST_CASE("the update tasks get what the documents say") {
    config::DeviceDocument device;
    device.compatible = std::string{"atomix-sim"};
    device.built = core::WallTime{1'795'000'000s};
    device.index = std::uint64_t{1} << 40;
    device.revision = std::optional{3};
    device.slot_a = {config::Path{"/a/boot"}, config::Path{"/a/rootfs"}};
    device.slot_b = {config::Path{"/b/boot"}, config::Path{"/b/rootfs"}};
    device.boot_attempts = 5;
    device.boot_files = std::optional<config::Path>{"/boot"};
    device.keyring = config::Path{"/k.pem"};
    device.crl = std::optional<config::Path>{"/crl.pem"};
    device.allowed_signers = std::vector<std::string>{"Release"};
    device.poll_interval = core::Duration{2h};
    device.first_poll = core::Duration{3min};
    device.minimum_rate = 2048;
    device.download_limit = core::Duration{6h};
    device.data = config::Path{"/d"};
    config::OperatorDocument wishes;
    wishes.server_url = std::optional<std::string>{"https://u"};
    wishes.update_windows = config::MaintenanceWindows{{.from = 2h, .to = 4h}};
    wishes.only_security = true;

    auto const got = ota::update_settings(device, wishes);
    CHECK(got.compatible == "atomix-sim");
    CHECK(got.built == core::WallTime{1'795'000'000s});
    CHECK(got.signers == ota::SignerRules{.keyring = "/k.pem", .crl = "/crl.pem", .names = {"Release"}});
    CHECK(got.targets(core::Slot::a).boot == "/a/boot");
    CHECK(got.targets(core::Slot::b).rootfs == "/b/rootfs");
    CHECK(got.attempts == 5);
    CHECK(got.poll.interval == 2h);
    CHECK(got.poll.first == 3min);
    CHECK(got.server_url == "https://u");
    CHECK(got.flags == "/d/config");
    CHECK(got.index == std::uint64_t{1} << 40);
    CHECK(got.revision == 3);
    CHECK(got.minimum_rate == 2048);
    CHECK(got.download_limit == 6h);
    CHECK(got.boot_files == "/boot");
    CHECK(print(got.windows) == "02:00-04:00 UTC");
    CHECK(got.only_security);
}
