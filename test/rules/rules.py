"""The house rules, each a function from the tree ({path: text}) to findings [(path, line, sentence)].

docs/traps.md explains those that guard against a trap. A rule is added with its good and bad input in rules_test.py.
"""

import re

from exceptions import WITHOUT_OWN_TEST
from source import awaiting_expressions, code_of, line_of

MODULES = ("core", "config", "net", "ota", "health", "platform")
MAY_INCLUDE = {
    "core": {"core"},
    "config": {"core", "config"},
    "net": {"core", "config", "net"},
    "ota": {"core", "config", "ota"},
    "health": {"core", "config", "health"},
    "platform": {"core", "platform"},
}


def module_of(path):
    top = path.split("/")[0]
    return top if top in MODULES else None


def sources(tree, *endings):
    """The program's own C++ files."""
    return {path: text for path, text in tree.items()
            if path.endswith(endings or (".cpp", ".hpp")) and (module_of(path) or path == "main.cpp")}


def cpp_files(tree):
    return {path: text for path, text in tree.items() if path.endswith((".cpp", ".hpp"))}


def findings(files, pattern, sentence, code_only=True):
    found = []
    for path, text in files.items():
        text = code_of(text) if code_only else text
        found += [(path, line_of(text, m.start()), sentence.format(m.group(0).strip()))
                  for m in re.finditer(pattern, text, re.M)]
    return found


def includes(tree):
    """A folder includes only what the architecture lets it know; main.cpp knows everybody."""
    found = []
    for path, text in sources(tree).items():
        may = MAY_INCLUDE.get(module_of(path), set(MODULES))
        for m in re.finditer(r'^\s*#\s*include\s*"(\w+)/', text, re.M):
            if m.group(1) not in may:
                found.append((path, line_of(text, m.start()), f"may not include {m.group(1)}/"))
    return found


def await_in_conditional(tree):
    """g++ 12 frees twice what stands in `?:` together with a co_await."""
    found = []
    for path, text in cpp_files(tree).items():
        code = code_of(text)
        for position, before, after in awaiting_expressions(code):
            if "?" in outside_lambdas(before) or "?" in outside_lambdas(after):
                found.append((path, line_of(code, position), "co_await in a ?: expression; use if and else"))
    return found


_LOOP = re.compile(r"\bwhile\s*\(")


def await_in_loop_condition(tree):
    """g++ 12 builds a coroutine that ends by an illegal instruction when an operation is awaited in a while's
    condition. The state of this coroutine is no operation."""
    found = []
    for path, text in cpp_files(tree).items():
        code = code_of(text)
        for loop in _LOOP.finditer(code):
            condition = code[loop.end():closing(code, loop.end() - 1)]
            if "co_await" in condition.replace("co_await asio::this_coro", ""):
                found.append((path, line_of(code, loop.start()), "co_await in a while's condition; use for (;;)"))
    return found


def closing(code, opening):
    """The position of the parenthesis that closes the one at `opening`."""
    depth = 0
    for position in range(opening, len(code)):
        depth += {"(": 1, ")": -1}.get(code[position], 0)
        if depth == 0:
            return position
    return len(code)


def outside_lambdas(expression):
    """Without what stands in braces: a lambda's body is not part of the expression."""
    before = None
    while before != expression:
        before, expression = expression, re.sub(r"\{[^{}]*\}", "<>", expression)
    return expression


_TEMPORARIES = re.compile(
    r"(?P<aggregate>(?<![\w.])(?:\w+::)*[A-Z]\w*\{|[(,]\s*\{)"
    r"|(?P<lambda>(?<![\w)\]\s])\s*\[(?=[^\[\]]*\w)[^\[\]]*\]\s*[({]|(?<=[(,])\s*\[(?=[^\[\]]*\w)[^\[\]]*\]\s*[({])"
)


def await_temporaries(tree):
    """g++ 12 frees twice a braced aggregate or a capturing lambda that is a temporary of a co_await expression."""
    found = []
    for path, text in cpp_files(tree).items():
        code = code_of(text)
        for position, _, after in awaiting_expressions(code):
            for m in _TEMPORARIES.finditer(after):
                what = "a braced aggregate" if m.group("aggregate") else "a capturing lambda"
                found.append((path, line_of(code, position + m.start()),
                              f"{what} as a temporary of a co_await expression; name it first and move it in"))
    return found


# What is declared at the left margin of an unnamed namespace: a type, an alias, a constant, or a function's definition.
_UNNAMED = re.compile(r"^namespace \{\n(.*?)^\}", re.M | re.S)
_DECLARED = re.compile(
    r"^(?:(?:struct|class|enum class|enum) (?P<type>\w+)[^;{]*\{"
    r"|using (?P<alias>\w+) = (?P<means>[^;]*);"
    r"|(?:inline |static )*(?:constexpr|constinit|const) [^(={;]*?\b(?P<constant>\w+)(?:\[\w*\])?\s*[={]"
    r"|(?!using|struct|class|enum|template|return)[\w:][\w:<>&*, \[\]]*?[\s&*](?P<function>\w+)"
    r"\((?P<parameters>[^{};]*)\)[^{};()]*\{)", re.M)


def _declared_in(code):
    """(position, name, what an alias means) of each; a function's name is with its parameters' types."""
    for part in _UNNAMED.finditer(code):
        for m in _DECLARED.finditer(part.group(1)):
            types = (re.sub(r"\s*\b\w+$", "", one.split("=")[0].strip()) for one in (m["parameters"] or "").split(","))
            name = m["type"] or m["alias"] or m["constant"] or f"{m['function']}({','.join(types)})"
            yield part.start(1) + m.start(), name, m["means"]


def unity_names(tree):
    """The package is a unity build: what the unnamed namespaces of a folder declare, they declare once."""
    found, known = [], {}
    for path, text in sources(tree, ".cpp").items():
        code = code_of(text)
        for position, name, means in _declared_in(code):
            first, first_means = known.setdefault((module_of(path), name), (path, means))
            if first != path and not (means and means == first_means):
                found.append((path, line_of(code, position), f"{name} is in {first} too: the package builds both as one"))
    return found


def foreign_headers(tree):
    """C libraries, the kernel's headers and Beast stay in .cpp files."""
    pattern = (r"^\s*#\s*include\s*<(libmnl|nftables|openssl|yaml-cpp|libuboot|sqfs|boost/beast|spdlog|systemd|linux)\b[^>]*>")
    return findings(sources(tree, ".hpp"), pattern, "{} belongs in a .cpp file", code_only=False)


def owners(tree):
    """Every task has an owner that waits for its end."""
    return (findings(cpp_files(tree), r"\bdetached\b", "detached: give the task an owner (core/task_group.hpp)")
            + findings(cpp_files(tree), r"\bio\w*(?:\.|->)stop\(\)", "{}: cancel the tasks and wait for their end")
            + findings(cpp_files(tree), r"\bawaitable_operators\b", "{}: use core/race.hpp"))


def clean_up(tree):
    """A cancelled task cannot await its clean-up before it has switched its cancellation off."""
    found = []
    for path, text in sources(tree).items():
        lines = code_of(text).split("\n")
        for i, line in enumerate(lines):
            if re.search(r"\bco_await\b.*\bend_(?:all|child)\(", line) and not any(
                    "reset_cancellation_state" in before for before in lines[max(0, i - 8):i]):
                found.append((path, i + 1, "switch cancellation off first, or a cancelled task ends nothing"))
    return found


def hidden_time(tree):
    """Only core/clock.cpp asks the time."""
    files = {path: text for path, text in sources(tree).items() if path != "core/clock.cpp"}
    return findings(files, r"\b(?:system|steady|high_resolution|utc)_clock::now\b|\bclock_gettime\b|\bgettimeofday\b"
                           r"|(?<![\w.>])(?:std::|::)time\(", "{}: ask core::Clock")


def sleeping_tests(tree):
    """Unit tests do not sleep: a fake clock moves, or something real is waited for (then test/support polls for it)."""
    files = {path: text for path, text in cpp_files(tree).items() if path.endswith("_test.cpp")}
    return findings(files, r"\bthis_thread::sleep_\w+|\busleep\(|\bnanosleep\(|(?<!\w)::sleep\(", "{} in a test")


def test_titles(tree):
    """ctest finds each test by its title; one that CMake takes apart runs no test and passes."""
    files = {path: text for path, text in cpp_files(tree).items() if path.endswith("_test.cpp")}
    return findings(files, r'TEST_CASE(?:_FIXTURE\([^"]*|\()"(?:[^"\\]|\\.)*?[;\[\]\\$#](?:[^"\\]|\\.)*"',
                    "a title without ; [ ] \\ $ and #", code_only=False)


def headers(tree):
    """A header begins with #pragma once and says what it is for."""
    found = []
    for path, text in cpp_files(tree).items():
        if not path.endswith(".hpp"):
            continue
        lines = text.split("\n")
        if lines[0] != "#pragma once":
            found.append((path, 1, "a header begins with #pragma once"))
        elif len(lines) < 2 or not re.match(r"// \S.{15,}", lines[1]):
            found.append((path, 2, "a header says what it is for, on the line after #pragma once"))
    return found


def file_size(tree):
    """No file is longer than 500 lines."""
    return [(path, 501, f"{text.count(chr(10))} lines; 500 is the most") for path, text in tree.items()
            if text.count("\n") > 500]


def tests(tree):
    """The header of every .cpp file is included by a test, or exceptions.py names the test that drives it."""
    included = set()
    for path, text in tree.items():
        if path.startswith("test/"):
            included.update(re.findall(r'^#include "([\w/]+\.hpp)"', text, re.M))
    found = []
    tested = set()
    for path, text in sources(tree, ".cpp").items():
        if path == "main.cpp":
            continue
        first = re.search(r'^#include "([\w/]+\.hpp)"', text, re.M)
        if first and first.group(1) in included:
            tested.add(path)
        elif path not in WITHOUT_OWN_TEST:
            found.append((path, 1, "no test includes its header"))
    for path, test in WITHOUT_OWN_TEST.items():
        if path in tree and test not in tree:
            found.append((path, 1, f"its test {test} is gone"))
        if path in tested or path not in tree:
            found.append((path, 1, "needs no exception any more; remove it from test/rules/exceptions.py"))
    return found


_CHECKOUT = r"(?<![\w.$}\-])/(?:wor" + r"k|home/\w+|roo" + r"t)/[\w.]"


def machine_paths(tree):
    """Nothing in the tree knows where it was checked out."""
    files = {path: text for path, text in tree.items() if path != "test/rules/rules_test.py"}
    return findings(files, _CHECKOUT, "{}… exists on one machine only", code_only=False)


def unfinished(tree):
    """What is not finished is an issue, not a comment."""
    return findings(cpp_files(tree), r"\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX)\b", "{}", code_only=False)


def named_rules(tree):
    """The pages of traps name only rules that exist."""
    found = []
    for page in (name for name in tree if name.startswith("docs/traps")):
        text = tree[page]
        for m in re.finditer(r"^Rule: (.*)$", text, re.M):
            for name in re.findall(r"`(\w+)`", m.group(1)):
                if name not in {rule.__name__ for rule in RULES}:
                    found.append((page, line_of(text, m.start()), f"there is no rule {name}"))
    return found


_TITLES = {
    ".cpp": (re.compile(r'\bTEST_CASE\w*\(\s*(?:\w+,)?((?:\s*"(?:[^"\\]|\\.)*")+)'),
             lambda m: re.sub(r'"\s*"', "", m.group(1)).strip()[1:-1]),
    ".py": (re.compile(r"^(?:class|(?:    )?def) (?:test_)?(\w+)", re.M), lambda m: m.group(1)),
    ".sh": (re.compile(r'^(?:row |name=)"([^"]+)"', re.M), lambda m: m.group(1)),
}


def titles_in(path, text):
    """Of the tests in a file: doctest's, unittest's with their classes, pytest's, a shell table's rows."""
    pattern, title = _TITLES.get(path[path.rfind("."):], _TITLES[".cpp"])
    return {title(m) for m in pattern.finditer(text)}


def acceptance(tree):
    """docs/acceptance.md names only tests that exist: `folder: title` of a unit test, or the short name of a system
    test (the table at the begin says whose) and then `title`. What ends in … begins like that."""
    where = "docs/acceptance.md"
    text = tree.get(where, "")
    files, found = {}, []
    for m in re.finditer(r"^\| (.*) \| ([^|]*) \|$", text, re.M):
        line = line_of(text, m.start())
        paths = re.findall(r"`(test/[^`]+|\w+\.(?:py|sh))`", m.group(1))
        if paths and m.group(1).startswith("`test/"):
            paths = [path if "/" in path else "test/system/" + path for path in paths]
            files.update(zip(m.group(2).split(", "), paths))
            found += [(where, line, f"there is no {path}") for path in paths if path not in tree]
        else:
            found += [(where, line, why) for why in _unknown(m.group(2), tree, files)]
    return found


def _unknown(cell, tree, files):
    """What is wrong with each test that a cell of the table names."""
    short = ""
    for before, name in re.findall(r"([^`]*)`([^`]+)`", cell):
        short = re.split("[;,]", before)[-1].strip() or short
        folder, _, title = name.rpartition(": ")
        among = [path for path in tree if path.startswith(f"test/{folder.split('_')[0]}/")] if folder else []
        if not folder and name in tree:
            continue
        if not folder and short in files:
            among = [files[short]]
        titles = {one for path in among for one in titles_in(path, tree.get(path, ""))}
        begin = title.removesuffix("…")
        if not any(one == title or (begin != title and one.startswith(begin)) for one in titles):
            yield f"there is no test {name}" + (f" in {among[0]}" if len(among) == 1 else "")


RULES = (includes, await_in_conditional, await_in_loop_condition, await_temporaries, foreign_headers, owners,
         clean_up, hidden_time, sleeping_tests, test_titles, headers, file_size, tests, machine_paths,
         unfinished, named_rules, acceptance, unity_names)
