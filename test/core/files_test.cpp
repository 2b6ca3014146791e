#include "core/files.hpp"

#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>

namespace fs = std::filesystem;
using core::Errc;

namespace {

unsigned mode_of(fs::path const& path) {
    struct stat facts {};
    ::stat(path.c_str(), &facts);
    return facts.st_mode & 07777;
}

// A disk with room for `bytes`, for files that this process writes.
class FullDisk {
public:
    explicit FullDisk(rlim_t bytes) {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        rlimit const limit{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
        handler_ = std::signal(SIGXFSZ, SIG_IGN);
        ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    ~FullDisk() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        std::signal(SIGXFSZ, handler_);
    }

private:
    rlimit before_{};
    void (*handler_)(int) = nullptr;
};

}   // namespace

TEST_CASE("a file is read up to its limit and not one byte further") {
    test::TemporaryDirectory const directory;
    auto const file = directory / "f";
    REQUIRE(core::replace_file(file, std::string(40'000, 'x')));
    CHECK(core::read_file(file, 40'000)->size() == 40'000);
    CHECK(core::read_file(file, 39'999).error().is(Errc::too_large));
}

TEST_CASE("an absent file is not found, and a directory is no file") {
    test::TemporaryDirectory const directory;
    CHECK(core::read_file(directory / "absent", 10).error().is(Errc::not_found));
    CHECK(core::read_file(directory.path(), 10).error().code == boost::system::errc::is_a_directory);
}

TEST_CASE("replacing makes missing directories, sets the mode and leaves nothing beside the file") {
    test::TemporaryDirectory const directory;
    auto const file = directory / "a" / "b" / "secret";
    REQUIRE(core::replace_file(file, "one", 0600));
    CHECK(mode_of(file) == 0600);
    REQUIRE(core::replace_file(file, "two", 0644));
    CHECK(mode_of(file) == 0644);
    CHECK(*core::read_file(file, 10) == "two");
    CHECK(std::distance(fs::directory_iterator{file.parent_path()}, {}) == 1);
}

TEST_CASE("what an interrupted writer left behind does not decide who may read the file") {
    test::TemporaryDirectory const directory;
    std::ofstream{directory / "secret.new"} << "half of a longer text";
    ::chmod((directory / "secret.new").c_str(), 0666);
    REQUIRE(core::replace_file(directory / "secret", "key", 0600));
    CHECK(mode_of(directory / "secret") == 0600);
    CHECK(*core::read_file(directory / "secret", 100) == "key");
}

TEST_CASE("on a full disk the old content stays and the room is given back") {
    test::TemporaryDirectory const directory;
    auto const file = directory / "state";
    REQUIRE(core::replace_file(file, "old"));
    {
        FullDisk const full{4096};
        auto const got = core::replace_file(file, std::string(10'000, 'x'));
        REQUIRE(!got);
        CHECK(got.error().code == boost::system::errc::file_too_large);
        CHECK(got.error().context.find(file.string()) != std::string::npos);
    }
    CHECK(*core::read_file(file, 10) == "old");
    CHECK(!fs::exists(directory / "state.new"));
}

TEST_CASE("where the file cannot be created the old content stays and the error names it") {
    test::TemporaryDirectory const directory;
    auto const file = directory / "state";
    REQUIRE(core::replace_file(file, "old"));
    fs::create_directory(directory / "state.new");
    auto const got = core::replace_file(file, "new");
    REQUIRE(!got);
    CHECK(got.error().context == "creating " + file.string() + ".new");
    CHECK(*core::read_file(file, 10) == "old");
}

TEST_CASE("a path below a file cannot be replaced") {
    test::TemporaryDirectory const directory;
    REQUIRE(core::replace_file(directory / "file", "x"));
    CHECK(!core::replace_file(directory / "file" / "below", "y"));
    CHECK(*core::read_file(directory / "file", 10) == "x");
}

TEST_CASE("removing succeeds when nothing is there, and says why it failed otherwise") {
    test::TemporaryDirectory const directory;
    REQUIRE(core::replace_file(directory / "f", "x"));
    CHECK(core::remove_file(directory / "f"));
    CHECK(!fs::exists(directory / "f"));
    CHECK(core::remove_file(directory / "f"));
    CHECK(core::remove_file(directory / "no" / "such" / "directory"));
    fs::create_directory(directory / "d");
    CHECK(!core::remove_file(directory / "d"));
}
