// The folders of the boards: what they say of themselves, and the documents of their images.
#include "platform/qemu/qemu.hpp"
#include "platform/rock64/rock64.hpp"

#include "config/device_document.hpp"
#include "core/files.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <variant>

namespace {

// With what the making of an image fills in.
std::string filled_in(std::string const& board, std::string const& compatible) {
    auto text = *core::read_file(SOURCE_DIRECTORY "/platform/" + board + "/device.yaml.in", 65536);
    std::map<std::string, std::string> const values{{"@COMPATIBLE@", compatible},
                                                    {"@BUILT@", "2026-11-01T00:00:00Z"},
                                                    {"@INDEX@", "7"},
                                                    {"@TLS_CA@", "/etc/atomix/tls-ca.pem"}};
    for (auto const& [mark, value] : values) {
        auto const at = text.find(mark);
        REQUIRE(at != std::string::npos);
        text.replace(at, mark.size(), value);
    }
    CHECK(text.find("@", text.find('\n')) == std::string::npos);   // below the line that explains it
    return text;
}

config::DeviceDocument document_of(std::string const& board, std::string const& compatible) {
    auto const parsed = config::parse_device_document(filled_in(board, compatible), "device.yaml");
    if (auto const* problems = std::get_if<config::Problems>(&parsed))
        for (auto const& problem : *problems) FAIL_CHECK(problem.text());
    REQUIRE(std::holds_alternative<config::DeviceDocument>(parsed));
    return std::get<config::DeviceDocument>(parsed);
}

}   // namespace

TEST_CASE("the documents of the images have no problem and name their boards") {
    struct {
        platform::Hardware hardware;
        char const* compatible;
    } const cases[] = {
        {platform::rock64(), "rock64"}, {platform::qemu(), "qemu-amd64"}, {platform::qemu(), "qemu-arm64"}};
    for (auto const& c : cases) {
        CAPTURE(c.compatible);
        auto const document = document_of(c.hardware.name, c.compatible);
        CHECK(*document.board == c.hardware.name);
        CHECK(*document.compatible == c.compatible);
        CHECK(*document.index == 7);
        CHECK(*document.service_host == "systemd");
        CHECK(*document.wan_manager == "networkd");
        CHECK(*document.container_manager == "podman");
        CHECK(*document.slot_b.rootfs == "/dev/atomix/rootfs-b");
        CHECK(*document.boot_files == config::Path{"/boot"});
        CHECK(*document.watchdog == config::Path{"/dev/watchdog0"});
        CHECK(document.trial_units->size() == 3);
        CHECK(*document.trial_limit == std::chrono::minutes{10});   // what atomix-trial-end.timer allows for
    }
}

TEST_CASE("only what differs between the boards differs between their documents") {
    auto const lines_of = [](std::string const& board) {
        std::vector<std::string> lines;
        std::string line;
        for (char const c : filled_in(board, "c"))
            if (c == '\n')
                lines.push_back(std::exchange(line, ""));
            else
                line += c;
        return lines;
    };
    auto const other = lines_of("qemu");
    std::vector<std::string> own;
    for (auto const& line : lines_of("rock64"))
        if (line.find('#') == std::string::npos && std::ranges::find(other, line) == other.end())
            own.push_back(line);
    CHECK(own == std::vector<std::string>{"  board: rock64", "  fallback: /dev/watchdog1"});
}
