#include "health/app_user.hpp"

#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <sys/stat.h>
#include <unistd.h>

namespace {

struct stat look(std::filesystem::path const& path) {
    struct stat is {};
    REQUIRE(::stat(path.c_str(), &is) == 0);
    return is;
}

}   // namespace

TEST_CASE("the app user is one that is there and is not root") {
    auto const absent = health::find_app_user("no-such-user-here");
    REQUIRE(!absent.has_value());
    CHECK(absent.error().is(core::Errc::not_found));
    CHECK(absent.error().context.find("there is no user no-such-user-here") == 0);
    auto const root = health::find_app_user("root");
    REQUIRE(!root.has_value());
    CHECK(root.error().is(core::Errc::refused));
    auto const nobody = health::find_app_user("nobody");
    REQUIRE(nobody.has_value());
    CHECK(nobody->uid == 65534);
}

TEST_CASE("the storage of containers is made once, for its owners only") {
    test::TemporaryDirectory data;
    bool const is_root = ::geteuid() == 0;   // who alone can give things away
    health::AppUser const user{.name = "app",
                               .uid = is_root ? 4711 : ::geteuid(),
                               .gid = is_root ? 4712 : ::getegid(),
                               .home = data / "containers" / "app"};
    for (int again = 0; again < 2; ++again) {
        REQUIRE(health::make_storage(data.path()).has_value());
        REQUIRE(health::make_storage_of(data.path(), user).has_value());
    }
    CHECK((look(data / "containers").st_mode & 07777) == 0711);
    CHECK((look(data / "containers" / "storage").st_mode & 07777) == 0700);
    for (auto const& own : {data / "containers" / "users" / std::to_string(user.uid), user.home}) {
        CHECK((look(own).st_mode & 07777) == 0700);
        CHECK(look(own).st_uid == user.uid);
        CHECK(look(own).st_gid == user.gid);
    }
}

TEST_CASE("a home elsewhere is not ours to make") {
    test::TemporaryDirectory data, elsewhere;
    health::AppUser const user{
        .name = "app", .uid = ::geteuid(), .gid = ::getegid(), .home = elsewhere / "home"};
    REQUIRE(health::make_storage(data.path()).has_value());
    REQUIRE(health::make_storage_of(data.path(), user).has_value());
    CHECK(!std::filesystem::exists(user.home));
}

TEST_CASE("what stands in the place of a storage directory is not followed") {
    test::TemporaryDirectory data, elsewhere;
    std::filesystem::create_directory_symlink(elsewhere.path(), data / "containers");
    auto const made = health::make_storage(data.path());
    REQUIRE(!made.has_value());
    CHECK(made.error().text().find("is no directory") != std::string::npos);
}
