#include "support/cut_medium.hpp"

#include "core/files.hpp"
#include "support/rauc_bundle.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

using test::CutMedium;
using test::DiskOp;
using test::Left;
using test::Tree;
using Kind = test::DiskOp::Kind;

namespace {

Tree tree(std::map<std::string, std::string> const& files) {
    Tree made;
    for (auto const& [path, content] : files) made[path] = std::make_shared<std::string const>(content);
    return made;
}
std::map<std::string, std::string> plain(Tree const& files) {
    std::map<std::string, std::string> made;
    for (auto const& [path, content] : files) made[path] = *content;
    return made;
}
DiskOp write_of(std::string path, std::uint64_t offset, std::string bytes) {
    return {
        .kind = Kind::write, .path = std::move(path), .offset = offset, .bytes = std::move(bytes), .to = {}};
}
DiskOp op(Kind kind, std::string path, std::string to = "") {
    return {.kind = kind, .path = std::move(path), .bytes = {}, .to = std::move(to)};
}
using Plain = std::map<std::string, std::string>;

}   // namespace

TEST_CASE("what was written and not synced may be lost, all of it or all but the newest") {
    CutMedium medium{tree({{"slot", "......"}})};
    medium.apply(write_of("slot", 0, "ab"));
    auto const newest = write_of("slot", 4, "cd");
    CHECK(plain(medium.after_cut(Left::everything)) == Plain{{"slot", "ab...."}});
    CHECK(plain(medium.after_cut(Left::synced)) == Plain{{"slot", "......"}});
    CHECK(plain(medium.after_cut_within(newest, {0, 1}, Left::everything)) == Plain{{"slot", "ab..c."}});
    CHECK(plain(medium.after_cut_within(newest, {1, 2}, Left::everything)) == Plain{{"slot", "ab...d"}});
    CHECK(plain(medium.after_cut_within(newest, {0, 2}, Left::newest)) == Plain{{"slot", "....cd"}});
    medium.apply(newest);
    medium.apply(op(Kind::sync, "slot"));
    CHECK(plain(medium.after_cut(Left::synced)) == Plain{{"slot", "ab..cd"}});
}

TEST_CASE("a name is only sure to be there after the sync of its directory, and it may be there before its "
          "content") {
    CutMedium medium{tree({{"state/x", "old"}})};
    medium.apply(op(Kind::create, "state/x.new"));
    medium.apply(write_of("state/x.new", 0, "new"));
    medium.apply(op(Kind::rename, "state/x.new", "state/x"));
    CHECK(plain(medium.after_cut(Left::everything)) == Plain{{"state/x", "new"}});
    CHECK(plain(medium.after_cut(Left::names)) == Plain{{"state/x", ""}});   // what a missing fsync does
    CHECK(plain(medium.after_cut(Left::synced)) == Plain{{"state/x", "old"}});
    medium.apply(op(Kind::sync, "state/x"));
    CHECK(plain(medium.after_cut(Left::names)) == Plain{{"state/x", "new"}});
    CHECK(plain(medium.after_cut(Left::synced)) == Plain{{"state/x", "old"}});
    medium.apply(op(Kind::sync_directory, "state"));
    CHECK(plain(medium.after_cut(Left::synced)) == Plain{{"state/x", "new"}});
}

TEST_CASE("a write tears between sectors, wherever it begins") {
    using At = std::vector<std::size_t>;
    CHECK(test::tears(write_of("slot", 4096, std::string(1024, 'x')), 512) == At{512});
    CHECK(test::tears(write_of("slot", 100, std::string(1000, 'x')), 512) == At{412, 924});
    CHECK(test::tears(write_of("slot", 0, std::string(512, 'x')), 512).empty());
    CHECK(test::tears(op(Kind::sync, "slot"), 512).empty());
}

TEST_CASE("an atomic replacement is recorded step by step, and nothing outside the directory") {
    test::TemporaryDirectory at;
    test::TemporaryDirectory other;
    std::vector<DiskOp> ops;
    {
        test::WriteRecorder const recorder{at.path()};
        REQUIRE(core::replace_file(other / "y", "elsewhere").has_value());
        REQUIRE(core::replace_file(at / "x", "content").has_value());
        REQUIRE(core::remove_file(at / "x").has_value());
        ops = recorder.ops();
    }
    REQUIRE(core::replace_file(at / "x", "not recorded any more").has_value());
    std::vector<std::pair<Kind, std::string>> steps;
    for (auto const& step : ops) steps.emplace_back(step.kind, step.path);
    CHECK(steps == decltype(steps){{Kind::create, "x.new"},
                                   {Kind::write, "x.new"},
                                   {Kind::sync, "x.new"},
                                   {Kind::rename, "x.new"},
                                   {Kind::sync_directory, ""},
                                   {Kind::remove, "x"},
                                   {Kind::sync_directory, ""}});
    CHECK(ops.at(1).bytes == "content");
    CHECK(ops.at(3).to == "x");
}
