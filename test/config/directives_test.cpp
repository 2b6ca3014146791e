#include "config/directives.hpp"

#include "config/section.hpp"

namespace {

test::ReadSection read(std::string const& body) {
    return test::read_section(body, [](config::Mapping&, test::ReadSection&) {});
}

std::vector<std::string> values(config::WrittenDirective const& directive) {
    std::vector<std::string> texts;
    for (auto const& value : directive.values) texts.push_back(value.text);
    return texts;
}

}   // namespace

TEST_CASE("directives are texts, integers, truths and lists of those, in the order written") {
    auto const [directives, problems, warnings] = read(R"(Exec: [sh, "-c", 7, true]
ReadOnly: false
StopTimeout: 10
Label: "a=b"
Annotation: grüße=日本
User: '1000'
)");
    CHECK(problems == std::vector<std::string>{});
    REQUIRE(directives.size() == 6);
    CHECK(directives[0].key == "Exec");
    CHECK(directives[0].is_list);
    CHECK(directives[0].at == config::Place{"f.yaml", 1, 1});
    CHECK(values(directives[0]) == std::vector<std::string>{"sh", "-c", "7", "true"});
    CHECK(directives[0].values[2].at == config::Place{"f.yaml", 1, 18});
    CHECK(values(directives[1]) == std::vector<std::string>{"false"});
    CHECK_FALSE(directives[1].is_list);
    CHECK(values(directives[2]) == std::vector<std::string>{"10"});
    CHECK(values(directives[4]) == std::vector<std::string>{"grüße=日本"});
    CHECK(values(directives[5]) == std::vector<std::string>{"1000"});
}

TEST_CASE("each rule of a directive has its sentence") {
    static constexpr auto kContinued =
        "must not end with a backslash, which would take the next line with it";
    struct {
        std::string body;
        std::string want;   // after "f.yaml:1:"
    } const cases[] = {
        {"a-b: x", "1: a-b: is not the name of a directive, which is letters and digits"},
        {"'a=b': x", "1: a=b: is not the name of a directive, which is letters and digits"},
        {"'[Service]': x", "1: [Service]: is not the name of a directive, which is letters and digits"},
        {"9a: x", "1: 9a: is not the name of a directive, which is letters and digits"},
        {"'': x", "1: : is not the name of a directive, which is letters and digits"},
        {"A:", "1: A: expected a text, an integer, true or false, or a list of those, not nothing"},
        {"A: {b: c}", "4: A: expected a text, an integer, true or false, or a list of those, not a mapping"},
        {"A: []", "4: A: must have at least one value"},
        {"A: [[b]]", "5: A: expected a text, an integer, true or false, not a list"},
        {"A: [b, ~]", "8: A: expected a text, an integer, true or false, not nothing"},
        {"A: 1.5", "4: A: expected a text (put a number in quotes), not \"1.5\""},
        {"A: 1e3", "4: A: expected a text (put a number in quotes), not \"1e3\""},
        {"A: 010", "4: A: expected a text (put a number in quotes), not \"010\""},
        {"A: True", "4: A: expected a text (put true and false in quotes), not \"True\""},
        {"A: 2026-11-01", "4: A: expected a text (put a date in quotes), not \"2026-11-01\""},
        {"A: 2026-11-01T10:00:00Z",
         "4: A: expected a text (put a date in quotes), not \"2026-11-01T10:00:00Z\""},
        {"A: \"b\\nNetwork=host\"",
         "4: A: must be one line without control characters, which \"b?Network=host\" is not"},
        {"A: \"b\\rc\"", "4: A: must be one line without control characters, which \"b?c\" is not"},
        {"A: \"b\\0c\"", "4: A: must be one line without control characters, which \"b?c\" is not"},
        {"A: \"b\\x7f\"", "4: A: must be one line without control characters, which \"b?\" is not"},
        {"A: 'b\\'", std::string{"4: A: "} + kContinued},
        {"A: 'b\\ '", std::string{"4: A: "} + kContinued},
        {"A: \"b\\\\\\xa0\"", std::string{"4: A: "} + kContinued},   // a space that Quadlet cuts off, too
    };
    for (auto const& c : cases) {
        CAPTURE(c.body);
        CHECK(read(c.body).problems == std::vector{"f.yaml:1:" + c.want});
    }
}

TEST_CASE("a directive with one bad value keeps the good ones, and the rest is read on") {
    auto read_all = read("A: [b, 1.5]\nC: d\n");
    CHECK(read_all.problems.size() == 1);
    REQUIRE(config::find(read_all.directives, "A"));
    CHECK(values(*config::find(read_all.directives, "A")) == std::vector<std::string>{"b"});
    CHECK(config::find(read_all.directives, "C"));
    CHECK(config::find(read_all.directives, "B") == nullptr);
}

TEST_CASE("a backslash within a value is Quadlet's business") {
    CHECK(read("A: 'b\\c'").problems.empty());
    CHECK(read("Exec: ['b\\']").problems.empty());   // words go into quotes
    CHECK(read("Exec: 'b\\'").problems.size() == 1);
    CHECK(read("A: ['b\\']").problems.size() == 1);
    CHECK(read("A: 'b\\\"'").problems.empty());
}
