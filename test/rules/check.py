#!/usr/bin/env python3
"""Checks a checkout against the house rules: check.py [directory] [rule …]. Exit code 1 when a rule is broken."""

import sys
from pathlib import Path

from rules import RULES

ENDINGS = (".cpp", ".hpp", ".py", ".sh", ".md", ".txt", ".json", ".in", ".yaml", ".yml", ".service", ".conf", ".script")
NOT_OURS = ("build", ".git", "__pycache__")


def read_tree(root):
    """Every text file of ours, by its path below the root."""
    tree = {}
    for path in sorted(root.rglob("*")):
        below = path.relative_to(root)
        if below.parts[0] in NOT_OURS or "__pycache__" in below.parts or not path.is_file():
            continue
        if path.suffix in ENDINGS or path.suffix == "":
            try:
                tree[below.as_posix()] = path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue  # not text
    return tree


def main(arguments):
    root = Path(arguments[0]) if arguments else Path(__file__).parents[2]
    wanted = arguments[1:]
    tree = read_tree(root)
    if not any(path.endswith(".hpp") for path in tree):
        print(f"{root} holds no sources: nothing was checked")
        return 1
    broken = 0
    for rule in RULES:
        if wanted and rule.__name__ not in wanted:
            continue
        for path, line, sentence in rule(tree):
            print(f"{path}:{line}: {rule.__name__}: {sentence}")
            broken += 1
    print(f"{len(tree)} files, {broken} findings")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
