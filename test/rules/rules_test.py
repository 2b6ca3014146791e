#!/usr/bin/env python3
"""Every rule is tried on input that it must let pass and on input that it must find."""

import unittest
from unittest import mock

import exceptions
import rules

PURPOSE = "#pragma once\n// What this header is for, in words.\n"


def found_by(rule, path, text):
    return [(line, sentence) for where, line, sentence in rule({path: text}) if where == path]


class Rules(unittest.TestCase):
    def lets_pass(self, rule, path, *texts):
        for text in texts:
            with self.subTest(rule=rule.__name__, path=path, text=text):
                self.assertEqual(found_by(rule, path, text), [])

    def finds(self, rule, path, *texts, line=1):
        for text in texts:
            with self.subTest(rule=rule.__name__, path=path, text=text):
                self.assertEqual([at for at, _ in found_by(rule, path, text)], [line])

    def test_a_folder_includes_only_what_it_may_know(self):
        self.lets_pass(rules.includes, "net/a.cpp", '#include "config/b.hpp"\n#include "core/c.hpp"\n#include <ota/x>')
        self.lets_pass(rules.includes, "main.cpp", '#include "ota/b.hpp"\n#include "net/b.hpp"')
        self.lets_pass(rules.includes, "test/net/a_test.cpp", '#include "ota/b.hpp"')
        self.finds(rules.includes, "net/a.cpp", '#include "ota/b.hpp"', '#include "health/b.hpp"', '# include "platform/x"')
        self.finds(rules.includes, "core/a.hpp", '#include "config/b.hpp"', '\n#include "net/b.hpp"'[1:])
        self.finds(rules.includes, "platform/sim/a.cpp", '#include "config/b.hpp"')

    def test_no_await_stands_in_a_conditional_expression(self):
        self.lets_pass(
            rules.await_in_conditional, "ota/a.cpp",
            "auto x = co_await f();\nauto y = x ? 1 : 2;",
            "if (a) x = co_await f();\nelse x = T();",
            'auto x = co_await f("really?");  // why not?',
            "if (!co_await f()) { y = x ? 1 : 2; }",
        )
        self.finds(
            rules.await_in_conditional, "ota/a.cpp",
            "r = c ? co_await f() : T();",
            "auto r = co_await f() ? T(1) : T(2);",
            "auto r = (co_await f()) ? T(1) : T(2);",
            "co_return c ? std::string(1, 'x') : co_await f();",
            "g(c ? co_await f() : 0);",
        )
        self.finds(rules.await_in_conditional, "ota/a.cpp", "{\n  auto r = c\n    ? co_await f()\n    : T();\n}", line=3)

    def test_no_operation_is_awaited_in_the_condition_of_a_while(self):
        self.lets_pass(
            rules.await_in_loop_condition, "ota/a.cpp",
            "while (more(1)) co_await f();",
            "while (more(2)) { co_await f(); }",
            "for (;;) { if (co_await f()) break; }",
            "while ((co_await asio::this_coro::cancellation_state).cancelled() == none) {}",
        )
        self.finds(
            rules.await_in_loop_condition, "ota/a.cpp",
            "while (co_await f()) g();",
            "while ((co_await s.wait(use_awaitable)) == SIGHUP) g();",
            "do g(); while (co_await f());",
        )

    def test_the_files_of_a_folder_declare_their_own_names(self):
        def found(a, b, other="net/b.cpp"):
            tree = {"net/a.cpp": f"namespace {{\n{a}\n}}   // namespace\n", other: f"namespace {{\n\n{b}\n}}\n"}
            return [(path, line) for path, line, _ in rules.unity_names(tree)]

        clashes = (("constexpr auto kRetry = 5s;", "constexpr core::Duration kRetry{1};"), ("struct Part {", "class Part {"),
                   ("using Keys = A;", "using Keys = B;"), ("class Keys {", "using Keys = B;"),
                   ("bool is_name(std::string_view name) {", "bool is_name(std::string_view key) {"),
                   ("Task<Result<A>>\nask(Clock& clock,\n    int port) {", "Task<Result<B>> ask(Clock& c, int p = 1) {"))
        for a, b in clashes:
            with self.subTest(a=a, b=b):
                self.assertEqual(found(a, b), [("net/b.cpp", 3)])
                self.assertEqual(found(a, b, other="ota/b.cpp"), [])
        for a, b in (("constexpr auto kA = 5s;", "constexpr auto kB = 5s;"), ("using Keys = A;", "using Keys = A;"),
                     ("void add(int a) {", "void add(char a) {"), ("void f() {\n    int const n = 1;", "int const n = 1;"),
                     ("struct A;", "struct A {"), ("// struct A {", "struct A {")):
            with self.subTest(a=a, b=b):
                self.assertEqual(found(a, b), [])

    def test_no_aggregate_is_a_temporary_of_an_await(self):
        self.lets_pass(
            rules.await_temporaries, "ota/a.cpp",
            "Command c{.argv = x};\nco_await p.run(std::move(c));",
            "co_await f(std::string{x}, a[0]);",
            "co_await f(std::chrono::seconds{5});",
            "while (co_await f()) { g({1, 2}); }",
            "if (auto ok = co_await f(x); !ok) { h(Agg{1}); }",
            "for (;;) { co_await f(); }\nAgg x{1};",
            "co_await f();\nauto x = Agg{1};",
        )
        self.finds(
            rules.await_temporaries, "test/ota/a_test.cpp",
            "co_await f(Agg{a, b});",
            "co_await p.run(Command{.argv = x});",
            "co_await p.run(core::Command{.argv = x});",
            "co_await f({.b = 1});",
            "co_await f(a[0], {1});",
            "co_await f(a,\n {1});",
            "if (!co_await f({1})) g();",
            "auto x = (co_await g(h(), {1})).y;",
        )

    def test_no_capturing_lambda_is_a_temporary_of_an_await(self):
        self.lets_pass(
            rules.await_temporaries, "ota/a.cpp",
            "auto work = [name] { return name; };\nco_await w.run(std::move(work));",
            "co_await f([] { return 1; });",
            "co_await f([]() -> int { return 1; });",
            "co_await f(a[i], b[n](x));",
            "co_await f(x);\nauto g = [x] { return x; };",
            "auto const [failed, n] = co_await f(x);",
        )
        self.finds(
            rules.await_temporaries, "ota/a.cpp",
            "co_await f([name] { return name; });",
            "co_await f(a, [this]() { return 1; });",
            "co_await f([&x, y = 1](int z) { return z; });",
            "co_await co_spawn(ex, [name]() -> awaitable<int> { co_return 1; }, use_awaitable);",
        )

    def test_foreign_headers_stay_in_cpp_files(self):
        for header in ("libmnl/libmnl.h", "nftables/libnftables.h", "openssl/cms.h", "yaml-cpp/yaml.h", "libuboot.h",
                       "sqfs/super.h", "boost/beast/http.hpp", "spdlog/spdlog.h", "linux/rtnetlink.h"):
            self.finds(rules.foreign_headers, "net/a.hpp", f"#include <{header}>")
            self.lets_pass(rules.foreign_headers, "net/a.cpp", f"#include <{header}>")
        self.lets_pass(rules.foreign_headers, "net/a.hpp", "#include <boost/asio/awaitable.hpp>", "// see <openssl/cms.h>")

    def test_every_task_has_an_owner(self):
        self.lets_pass(rules.owners, "net/a.cpp", "// never detached", 'log("detached");', "child.stop();", "io.run();")
        self.finds(rules.owners, "net/a.cpp", "co_spawn(io, f(), asio::detached);", "io.stop();", "io_context_->stop();",
                   "using namespace asio::experimental::awaitable_operators;")
        self.finds(rules.owners, "test/net/a_test.cpp", "io.stop();")

    def test_clean_up_begins_by_switching_cancellation_off(self):
        off = "co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());\n"
        self.lets_pass(rules.clean_up, "net/a.cpp", off + "co_await tasks.end_all();", off + "x();\nco_await end_child(c, 3);",
                       "Task<void> end_all();")
        self.finds(rules.clean_up, "net/a.cpp", "co_await tasks.end_all();", "if (x) co_await end_child(*child, 0);")

    def test_only_the_clock_asks_the_time(self):
        bad = ("auto t = std::chrono::system_clock::now();", "auto t = steady_clock::now();", "clock_gettime(a, &b);",
               "auto t = std::time(nullptr);", "auto t = ::time(nullptr);")
        self.finds(rules.hidden_time, "ota/a.cpp", *bad)
        self.lets_pass(rules.hidden_time, "core/clock.cpp", *bad)
        self.lets_pass(rules.hidden_time, "test/support/a.hpp", *bad)
        self.lets_pass(rules.hidden_time, "ota/a.cpp", "clock_.now();", "asio::steady_timer t;", "wall_time(x);", "uptime(x);")

    def test_tests_do_not_sleep(self):
        bad = ("std::this_thread::sleep_for(1s);", "usleep(5);", "::sleep(1);", "::nanosleep(&t, nullptr);")
        self.finds(rules.sleeping_tests, "test/net/a_test.cpp", *bad)
        self.lets_pass(rules.sleeping_tests, "test/support/a.cpp", *bad)
        self.lets_pass(rules.sleeping_tests, "test/net/a_test.cpp", "co_await clock.sleep_for(1s);", 'shell("sleep 60");')

    def test_a_title_survives_cmake(self):
        self.lets_pass(rules.test_titles, "test/net/a_test.cpp", 'TEST_CASE("a link, once up, stays up … (100 %) ?:") {',
                       'TEST_CASE("good") { f("a;b[c]"); }', '    CHECK(x["a;b"]);')
        self.finds(rules.test_titles, "test/net/a_test.cpp", 'TEST_CASE("this; that") {', 'TEST_CASE("a[0] is set") {',
                   'TEST_CASE_FIXTURE(World, "this; that") {', 'TEST_CASE("say \\"hi\\"") {', 'TEST_CASE("costs $5") {')

    def test_a_header_says_what_it_is_for(self):
        self.lets_pass(rules.headers, "net/a.hpp", PURPOSE + "\nint x;\n")
        self.lets_pass(rules.headers, "net/a.cpp", "int x;\n")
        self.finds(rules.headers, "net/a.hpp", "// A comment first.\n#pragma once\n", "int x;\n", "#ifndef A\n#define A\n#endif\n")
        self.finds(rules.headers, "test/support/a.hpp", "#pragma once\n", "#pragma once\n\nint x;\n", "#pragma once\n// x\n", line=2)

    def test_files_are_short(self):
        self.lets_pass(rules.file_size, "net/a.cpp", "x;\n" * 500)
        self.finds(rules.file_size, "net/a.cpp", "x;\n" * 501, line=501)
        self.finds(rules.file_size, "test/system/a.py", "x\n" * 501, line=501)

    @mock.patch.dict(exceptions.WITHOUT_OWN_TEST, clear=True)
    def test_every_source_file_has_a_test(self):
        source = {"net/a.cpp": '#include "net/a.hpp"\n'}
        tested = source | {"test/net/a_test.cpp": '#include "net/a.hpp"\n'}
        self.assertEqual(rules.tests(source), [("net/a.cpp", 1, "no test includes its header")])
        self.assertEqual(rules.tests(tested), [])
        self.assertEqual(len(rules.tests(source | {"net/b.cpp": '#include "net/a.hpp"\n'})), 2)
        self.assertEqual(rules.tests(tested | {"net/part.cpp": '#include "net/a.hpp"\n'}), [])
        self.assertEqual(len(rules.tests({"net/a.cpp": "int x;\n"})), 1)
        self.assertEqual(rules.tests({"main.cpp": ""}), [])

    def test_an_exception_from_testing_is_needed_and_names_a_test(self):
        source = {"net/a.cpp": '#include "net/a.hpp"\n'}
        driver = source | {"test/net/caller_test.cpp": ""}
        with mock.patch.dict(exceptions.WITHOUT_OWN_TEST, {"net/a.cpp": "test/net/caller_test.cpp"}, clear=True):
            self.assertEqual(rules.tests(driver), [])
            self.assertEqual(len(rules.tests(source)), 1)
            self.assertEqual(len(rules.tests(driver | {"test/net/a_test.cpp": '#include "net/a.hpp"\n'})), 1)
            self.assertEqual(len(rules.tests({})), 1)

    def test_nothing_knows_where_it_was_checked_out(self):
        self.finds(rules.machine_paths, "docs/a.md", "see /wor" + "k/main/x", "/home/me/src", "in `/wor" + "k/shared`")
        self.finds(rules.machine_paths, "CMakeLists.txt", 'set(X "/roo' + 't/build")')
        self.lets_pass(rules.machine_paths, "docs/a.md", "/data/config/atomix.yaml", "${HOME}/x", "/rootfs/x", "net/work/x",
                       "a 4 KiB root/ dir", "https://example.org/wor" + "k/x")

    def test_nothing_is_left_unfinished(self):
        self.finds(rules.unfinished, "net/a.cpp", "// TO" + "DO later", "// FIX" + "ME")
        self.lets_pass(rules.unfinished, "net/a.cpp", "// to do it later", 'mkdtemp("x.XXX' + 'XXX")')

    def test_the_traps_name_rules_that_exist(self):
        self.lets_pass(rules.named_rules, "docs/traps.md", "Rule: `includes`, `owners`\n", "see `nothing`\n")
        for page in ("docs/traps.md", "docs/traps-of-the-system.md"):
            self.finds(rules.named_rules, page, "Rule: `includes`, `no_such_rule`\n")

    def test_the_acceptance_names_tests_that_exist(self):
        tests = {"test/net/a_test.cpp": 'TEST_CASE_FIXTURE(World,\n    "a link "\n    "is up") {',
                 "test/system/lan_test.py": "class Lan(x):\n    def test_a_lease(self):\n",
                 "test/vm/boot_test.py": "@twice\ndef test_a_boot(device):\n",
                 "test/system/rules.sh": 'row "every boot" 1\nname="the end"\n'}
        begin = "| file | short |\n|---|---|\n| `test/system/lan_test.py`, `rules.sh` | lan, rules |\n" \
                "| `test/vm/boot_test.py` | vm |\n\n"
        for cell, wrong in (("`net: a link is up`; lan `a_lease`, `Lan`", 0), ("`net: a link…`, in words; lan `a_…`", 0),
                            ("rules `every boot`, `the end`; `test/system/lan_test.py`", 0), ("issue 6, by words", 0),
                            ("vm `a_boot`", 0), ("vm `no_boot`", 1),
                            ("`net: a link`", 1), ("lan `no_lease`", 1), ("rules `a_lease`", 1), ("wan `a_lease`", 1),
                            ("`test/system/none.py`, `net: a link is up`", 1)):
            with self.subTest(cell=cell):
                tree = {**tests, "docs/acceptance.md": begin + f"| scenario with `code` | {cell} |\n"}
                self.assertEqual([line for _, line, _ in rules.acceptance(tree)], [6] * wrong)
        self.finds(rules.acceptance, "docs/acceptance.md", "| `test/system/none_test.py` | none |\n")

    def test_comments_and_strings_are_no_code(self):
        from source import code_of
        self.assertNotIn("bad", code_of('x = "bad \\" bad"; // bad\n/* bad\n bad */ R"(bad " bad)" R"x(bad)" bad)x"'))
        self.assertIn("good", code_of("x = '\"'; good; y = '\\''; n = 1'000'000;"))
        self.assertIn("good", code_of("n = 0xff'ff; good; c = 'a';"))
        text = '// a\n"b\\n"\n/* c\n */ d\n'
        self.assertEqual(code_of(text).count("\n"), text.count("\n"))


if __name__ == "__main__":
    unittest.main()
