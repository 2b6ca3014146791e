#include "core/log.hpp"

#include "core/files.hpp"
#include "core/owned.hpp"
#include "support/log_lines.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>

#include <cstdlib>

using core::Level;
using core::log_line;

namespace {

// What `write` prints on standard error.
template <class Write> std::string printed_by(Write write) {
    test::TemporaryDirectory const directory;
    auto const file = directory / "stderr";
    core::OwnedFd const before{::dup(2)};
    core::OwnedFd const into{::open(file.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)};
    ::dup2(into.get(), 2);
    write();
    ::dup2(before.get(), 2);
    return *core::read_file(file, 65536);
}

struct Journal {
    explicit Journal(char const* stream) {
        if (stream)
            ::setenv("JOURNAL_STREAM", stream, 1);
        else
            ::unsetenv("JOURNAL_STREAM");
    }
    ~Journal() { ::unsetenv("JOURNAL_STREAM"); }
};

}   // namespace

TEST_CASE("a line is the component, a fixed sentence and the facts in order") {
    CHECK(log_line("ota", "download failed, will retry", {{"why", "connection reset"}, {"in_s", 8}}) ==
          "ota: download failed, will retry why=\"connection reset\" in_s=8");
    CHECK(log_line("net", "link is up", {}) == "net: link is up");
    CHECK(log_line("a", "b", {{"yes", true}, {"no", false}, {"size", std::size_t{7}}, {"below", -1}}) ==
          "a: b yes=true no=false size=7 below=-1");
}

TEST_CASE("a value is quoted and escaped where it needs it, so that one event stays one line") {
    struct {
        std::string value;
        char const* want;
    } const cases[] = {
        {"plain-1.2_3:4/5", "plain-1.2_3:4/5"},
        {"", "\"\""},
        {"two words", "\"two words\""},
        {"a\nb", "\"a\\nb\""},
        {"a\tb\x1b[31m", "\"a?b?[31m\""},
        {"say \"hi\"", "\"say \\\"hi\\\"\""},
        {"back\\slash", "\"back\\\\slash\""},
        {std::string{"a\0b", 3}, "\"a?b\""},
        {"\x7f", "\"?\""},
        {"größe", "größe"},
    };
    for (auto const& c : cases) {
        CAPTURE(c.value);
        CHECK(log_line("c", "s", {{"v", c.value}}) == std::string{"c: s v="} + c.want);
    }
}

TEST_CASE("a value longer than 512 bytes is cut and says so") {
    auto const longest = std::string(512, 'x');
    CHECK(log_line("c", "s", {{"v", longest}}) == "c: s v=" + longest);
    CHECK(log_line("c", "s", {{"v", longest + "y"}}) == "c: s v=\"" + longest + "…\"");
}

TEST_CASE("a log for another component writes to the same place") {
    auto const sink = std::make_shared<test::LogLines>();
    core::Log const log{sink, "core"};
    log(Level::info, "one");
    log.for_component("ota")(Level::error, "two", {{"n", 2}});
    CHECK(sink->lines == std::vector<std::string>{"core: one", "ota: two n=2"});
}

TEST_CASE("under the journal every line begins with its priority, and nothing else") {
    Journal const journal{"8:1234"};
    auto const got = printed_by([] {
        auto const sink = core::standard_error_sink(Level::debug);
        for (auto const level : {Level::debug, Level::info, Level::notice, Level::warning, Level::error})
            sink->write(level, "c: s");
    });
    CHECK(got == "<7>c: s\n<6>c: s\n<5>c: s\n<4>c: s\n<3>c: s\n");
}

TEST_CASE("on a terminal a line begins with the time and the level's name") {
    Journal const journal{nullptr};
    auto const got =
        printed_by([] { core::standard_error_sink(Level::debug)->write(Level::notice, "c: s {}"); });
    CHECK(got.size() == std::string_view{"2026-11-23T06:01:27.123 notice  c: s {}\n"}.size());
    CHECK(got.ends_with(" notice  c: s {}\n"));
}

TEST_CASE("lines below the least level are dropped") {
    Journal const journal{"8:1234"};
    auto const got = printed_by([] {
        auto const sink = core::standard_error_sink(Level::warning);
        sink->write(Level::notice, "c: too little");
        sink->write(Level::warning, "c: enough");
    });
    CHECK(got == "<4>c: enough\n");
}
