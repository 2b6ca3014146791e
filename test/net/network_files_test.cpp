#include "net/network_files.hpp"

#include "core/files.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

namespace {

namespace fs = std::filesystem;

struct World {
    test::TemporaryDirectory directory;
    fs::path const there = directory / "network";

    bool write(std::vector<net::NetworkFile> const& files) const {
        auto const changed = net::write_network_files(there, files);
        REQUIRE(changed.has_value());
        return *changed;
    }
    std::string file(std::string const& name) const {
        auto const text = core::read_file(there / name, 1000);
        return text ? *text : "";
    }
};

}   // namespace

TEST_CASE_FIXTURE(World, "files are written, and those that are left over go, and nobody else's") {
    REQUIRE(write({{"05-atomix-eth0.network", "a"}, {"05-atomix-eth2.network", "b"}}));
    CHECK(file("05-atomix-eth0.network") == "a");
    CHECK(file("05-atomix-eth2.network") == "b");
    for (auto const* other : {"10-wan.network", "05-atomix-eth2.netdev", "05-atomix.network"})
        REQUIRE(core::replace_file(there / other, "mine").has_value());

    REQUIRE(write({{"05-atomix-eth0.network", "c"}}));
    CHECK(file("05-atomix-eth0.network") == "c");
    CHECK_FALSE(fs::exists(there / "05-atomix-eth2.network"));
    for (auto const* other : {"10-wan.network", "05-atomix-eth2.netdev", "05-atomix.network"})
        CHECK(file(other) == "mine");
}

TEST_CASE_FIXTURE(World, "networkd, which is not root, can read them") {
    REQUIRE(write({{"05-atomix-eth0.network", "a"}}));
    auto const others = fs::perms::others_read;
    CHECK((fs::status(there / "05-atomix-eth0.network").permissions() & others) == others);
    CHECK((fs::status(there).permissions() & others) == others);
}

TEST_CASE_FIXTURE(World, "what is there already is not written again") {
    REQUIRE(write({{"05-atomix-eth0.network", "a"}}));
    auto const then = fs::last_write_time(there / "05-atomix-eth0.network") - std::chrono::hours{1};
    fs::last_write_time(there / "05-atomix-eth0.network", then);
    CHECK_FALSE(write({{"05-atomix-eth0.network", "a"}}));
    CHECK(fs::last_write_time(there / "05-atomix-eth0.network") == then);
}

TEST_CASE_FIXTURE(World, "a directory that cannot be made is an error with its name") {
    REQUIRE(core::replace_file(there, "in the way").has_value());
    auto const done = net::write_network_files(there, {{"05-atomix-eth0.network", "a"}});
    REQUIRE_FALSE(done.has_value());
    CHECK(done.error().text().find(there.string()) != std::string::npos);
}
