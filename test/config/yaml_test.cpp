#include "config/yaml.hpp"

#include <doctest/doctest.h>

#include <chrono>

using config::Node;

namespace {

std::string problem_of(std::string const& text) {
    config::Check check;
    auto const tree = config::parse_yaml(text, "f.yaml", check);
    auto const problems = check.take();
    if (problems.empty()) return tree ? "" : "no tree and no problem";
    return problems.front().text();
}

std::string repeated(std::string const& piece, int times) {
    std::string all;
    for (int i = 0; i < times; ++i) all += piece;
    return all;
}

}   // namespace

TEST_CASE("every value knows its line and column, counted from 1") {
    config::Check check;
    auto const root = config::parse_yaml("# a comment\na: 1\nb:\n  c: [x, \"y\"]\n", "f.yaml", check);
    REQUIRE(root);
    REQUIRE(root->children.size() == 2);
    auto const& a = root->children[0];
    CHECK(a.key == "a");
    CHECK(a.key_at == config::Place{"f.yaml", 2, 1});
    CHECK(a.at == config::Place{"f.yaml", 2, 4});
    CHECK(a.text == "1");
    auto const& c = root->children[1].children.at(0);
    CHECK(c.kind == Node::Kind::list);
    CHECK(c.at == config::Place{"f.yaml", 4, 6});
    CHECK(c.children.at(1).at == config::Place{"f.yaml", 4, 10});
    CHECK(c.children.at(1).quoted);
    CHECK_FALSE(c.children.at(0).quoted);
}

TEST_CASE("what a configuration does not need is refused, with its place") {
    struct {
        std::string name;
        std::string text;
        std::string want;
    } const cases[] = {
        {"not YAML", "a: [1\n", "f.yaml:2:1: is not valid YAML: end of sequence flow not found"},
        {"not YAML, nor printable", "a: \"\\\x01\"\n",
         "f.yaml:1:7: is not valid YAML: unknown escape character: ?"},
        {"duplicate key", "a: 1\nb: 2\na: 3\n", "f.yaml:3:1: a: is written twice, first in line 1"},
        {"nested duplicate key", "a:\n  b: 1\n  b: 2\n",
         "f.yaml:3:3: a.b: is written twice, first in line 2"},
        {"anchor", "a: &x 1\n", "f.yaml:1:4: anchors (&name) are not supported"},
        {"alias", "a: 1\nb: *x\n", "f.yaml:2:4: is not valid YAML: the referenced anchor is not defined"},
        {"alias in its own list", "a: &x [*x]\n", "f.yaml:1:4: anchors (&name) are not supported"},
        {"tag", "a: !!int 1\n", "f.yaml:1:4: tags (!name) are not supported"},
        {"second document", "a: 1\n---\nb: 1\n",
         "f.yaml:2:1: a second document begins here; only one is allowed"},
        {"list as a key", "? [a]\n: 1\n", "f.yaml:1:3: a key must be text"},
        {"mapping as a key", "{{a: 1}: 1}\n", "f.yaml:1:2: a key must be text"},
        {"no key", "~: 1\n", "f.yaml:1:1: a key must be text"},
        {"too deep", repeated("[", 17) + repeated("]", 17), "f.yaml:1:17: nested deeper than 16 levels"},
        {"deepest", repeated("[", 16) + repeated("]", 16), ""},
        {"too many values", "[" + repeated("1,", 10'000) + "]", "f.yaml:1:20000: more than 10000 values"},
        {"too large", "a: " + std::string(config::kLongestDocument, 'x'),
         "f.yaml: is larger than 262144 bytes"},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        CHECK(problem_of(c.text) == c.want);
    }
}

TEST_CASE("the largest hostile documents are dealt with within seconds") {
    auto const most = static_cast<int>(config::kLongestDocument);
    struct {
        std::string name;
        std::string text;
    } const cases[] = {
        {"brackets", repeated("[", most)},
        {"braces", repeated("{", most)},
        {"dashes", repeated("- ", most / 2)},
        {"question marks", repeated("? ", most / 2)},
        {"keys", repeated("a: ", most / 3)},
        {"quote that never ends", "\"" + std::string(config::kLongestDocument - 1, 'x')},
        {"commas", "[" + repeated(",", most - 1)},
        {"anchors", repeated("&a ", most / 3)},
        {"tags", repeated("!a ", most / 3)},
        {"newlines", "a: \"" + repeated("\n", most - 4)},
        {"flow keys", "{" + repeated("a,", (most - 1) / 2)},
        {"directives", repeated("%A\n", most / 3)},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        auto const start = std::chrono::steady_clock::now();
        CHECK(problem_of(c.text) != "no tree and no problem");
        CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds{10});
    }
}

TEST_CASE("an empty document is an empty one, not an error") {
    for (std::string const text : {"", "\n", "# only a comment\n", "---\n"}) {
        CAPTURE(text);
        config::Check check;
        auto const root = config::parse_yaml(text, "f.yaml", check);
        CHECK(check.is_clean());
        REQUIRE(root);
        CHECK(root->kind == Node::Kind::nothing);
        CHECK(root->at.line >= 1);
    }
}

TEST_CASE("foreign text in a message is cut and printable") {
    CHECK(config::shown("plain") == "\"plain\"");
    CHECK(config::shown("a\nb\x1b\xc3\xa4") == "\"a?b???\"");
    CHECK(config::shown(std::string(81, 'x')) == '"' + std::string(80, 'x') + "...\"");
}
