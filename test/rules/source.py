"""C++ source as the rules need it: without comments and strings, cut into the expressions that await."""

import re

_NOT_CODE = re.compile(
    r'R"(?P<mark>[^()\s\\]{0,16})\(.*?\)(?P=mark)"'  # raw string
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'(?:\\.|[^'\\\n])+'(?![0-9a-fA-F])"
    r"|//[^\n]*"
    r"|/\*.*?\*/",
    re.S,
)


def _blank(match):
    text = match.group(0)
    kept = '""' if '"' in text[:2] else "0" if text.startswith("'") else ""
    return kept + re.sub(r"[^\n]", " ", text[len(kept):])


def code_of(text):
    """The text with comments and strings blanked; every character keeps its line."""
    text = re.sub(r"(?<=[0-9a-fA-F])'(?=[0-9a-fA-F])", "_", text)  # 1'000'000
    return _NOT_CODE.sub(_blank, text)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


_OPEN, _CLOSE = "([{", ")]}"


def _end_of_expression(code, start):
    """Where the full expression that goes on at `start` ends: at its `;`, or at the bracket that encloses it."""
    depth = 0
    for i in range(start, len(code)):
        if code[i] in _OPEN:
            if code[i] == "{" and depth == 0 and code[:i].rstrip().endswith(")"):
                return i  # the block of an `if (...)` without more
            depth += 1
        elif code[i] in _CLOSE:
            depth -= 1
            if depth < 0:
                return _end_of_expression(code, i + 1) if code[i] == ")" else i
        elif code[i] == ";" and depth == 0:
            return i
    return len(code)


def awaiting_expressions(code):
    """(position, text before the first co_await, text from it on) of each statement that awaits."""
    end = 0
    for found in re.finditer(r"\bco_await\b", code):
        if found.start() < end:
            continue
        begin = max(code.rfind(mark, 0, found.start()) for mark in ";{}") + 1
        end = _end_of_expression(code, found.start())
        yield found.start(), code[begin:found.start()], code[found.start():end]
