// Each board against the tree of its kernel's files: all that is read of them, and that the board's folder
// means what is in there.
#include "platform/linux_board.hpp"
#include "platform/qemu/qemu.hpp"
#include "platform/rock64/rock64.hpp"

#include "config/device_document.hpp"
#include "core/files.hpp"
#include "support/log_lines.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <fnmatch.h>

#include <algorithm>
#include <sstream>

namespace {

namespace fs = std::filesystem;

std::string text_of(fs::path const& file) {
    auto text = core::read_file(file, 65536);
    REQUIRE_MESSAGE(text.has_value(), file.string());
    return *text;
}

// A line's end, or the NUL that a property of the device tree ends with.
std::string content_of(std::string text) {
    if (!text.ends_with("\\0")) return text + '\n';
    text.resize(text.size() - 2);
    return text + '\0';
}

struct Tree {
    test::TemporaryDirectory root;
    core::SystemProcesses processes;
    platform::Hardware hardware;
    platform::LinuxBoard board;

    explicit Tree(platform::Hardware const& of)
        : hardware{of}, board{of, processes, {std::make_shared<test::LogLines>(), "board"}, root / ""} {
        std::istringstream lines{text_of(SOURCE_DIRECTORY "/test/platform/" + of.name + ".tree.txt")};
        int entries = 0;
        for (std::string line; std::getline(lines, line);)
            if (line.starts_with('/')) {
                add(line.substr(1));
                ++entries;
            }
        REQUIRE(entries > 10);
    }

    void add(std::string const& line) {
        auto const blank = line.find(' ');
        auto const path = root / line.substr(0, blank);
        auto const rest = line.substr(blank);
        if (rest.starts_with(" -> ")) {
            auto const target = rest.substr(4);
            fs::create_directories(path.parent_path());
            fs::create_symlink(target.starts_with('/') ? root / target.substr(1) : fs::path{target}, path);
            return;
        }
        REQUIRE_MESSAGE(rest.starts_with(" ="), line);
        auto const text = rest.substr(std::min<std::size_t>(rest.size(), 3));   // may be empty
        REQUIRE(core::replace_file(path, content_of(text)).has_value());
    }

    std::string line(std::string const& file) const {
        auto const text = text_of(root / file);
        return text.substr(0, text.find('\n'));
    }

    // The name that the board's .link files give the card which has it in the tree; empty: they leave it
    // alone.
    std::string name_by_link_files(std::string const& card) const {
        constexpr std::string_view kKnown = "E:ID_PATH=";
        auto const known = line("run/udev/data/n" + line("sys/class/net/" + card + "/ifindex"));
        REQUIRE(known.starts_with(kKnown));
        for (auto const* file : {"10-atomix-lan.link", "10-atomix-wan.link"}) {
            auto const text = text_of(fs::path{SOURCE_DIRECTORY "/platform"} / hardware.name / file);
            auto const value = [&](std::string const& key) {
                auto const at = text.find('\n' + key + '=');
                REQUIRE(at != std::string::npos);
                auto const begin = at + key.size() + 2;
                return text.substr(begin, text.find('\n', begin) - begin);
            };
            if (::fnmatch(value("Path").c_str(), known.substr(kKnown.size()).c_str(), 0) == 0)
                return value("Name");
        }
        return {};
    }

    // What the driver calls itself that the board's document means by watchdog.device.
    std::string watchdog_of_document() const {
        auto text = text_of(fs::path{SOURCE_DIRECTORY "/platform"} / hardware.name / "device.yaml.in");
        auto const key = text.find("\n  device: /dev/");
        REQUIRE(key != std::string::npos);
        auto const begin = key + std::string_view{"\n  device: /dev/"}.size();
        return line("sys/class/watchdog/" + text.substr(begin, text.find('\n', begin) - begin) + "/identity");
    }
};

}   // namespace

TEST_CASE("a rock64's kernel tells all that the board is asked for") {
    Tree const tree{platform::rock64()};
    auto const& board = tree.board;
    CHECK(board.name() == "rock64");
    CHECK(*board.booted_slot() == core::Slot::a);
    CHECK(*board.boot_id() == "5d0bb0b2-57cf-4a3e-9b4e-0d8a8a7d7a5c");
    CHECK(board.boot_reason() == "");
    CHECK(board.boot_report() == platform::BootReport{});
    CHECK(board.model() == "Pine64 Rock64");
    CHECK(board.serial() == "9a3f5c1de7b20468");
    CHECK(board.led() == tree.root / "sys/class/leds/led-1");
    CHECK(board.temperatures() == core::Temperatures{{"soc-thermal", 45'454, 95'000}});
}

TEST_CASE("a PC of QEMU's tells what it has, and of the rest that there is none") {
    Tree const tree{platform::qemu()};
    auto const& board = tree.board;
    CHECK(board.name() == "qemu");
    CHECK(*board.booted_slot() == core::Slot::b);
    CHECK(*board.boot_id() == "0e1f2a3b-4c5d-4e6f-8a9b-0c1d2e3f4a5b");
    CHECK(board.boot_reason() == "watchdog");
    auto const report = board.boot_report();
    CHECK_FALSE(report.data_is_lost);
    CHECK(report.problems.size() == 2);
    CHECK(board.model() == "Standard PC (Q35 + ICH9, 2009)");
    CHECK(board.serial() == "");
    CHECK(board.led().empty());
    CHECK(board.temperatures().empty());
}

TEST_CASE("a board's cards are named as its document calls WAN and LAN, and its watchdog is the hardware's") {
    struct {
        platform::Hardware hardware;
        char const* watchdog;
    } const cases[] = {{platform::rock64(), "Synopsys DesignWare Watchdog"},
                       {platform::qemu(), "i6300ESB timer"}};
    for (auto const& c : cases) {
        CAPTURE(c.hardware.name);
        Tree const tree{c.hardware};
        CHECK(tree.name_by_link_files("eth0") == "eth0");
        CHECK(tree.name_by_link_files("eth1") == "eth1");
        CHECK(tree.watchdog_of_document() == c.watchdog);
    }
}
