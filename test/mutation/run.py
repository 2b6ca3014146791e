#!/usr/bin/env python3
"""Disables each trigger of a rollback, one at a time, and expects a red test: run.py BUILD_DIRECTORY [NAME …].

The file is patched as a copy, compiled as the build compiles it, and linked before the library that has the true one.
"""

import json
import re
import shlex
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from triggers import TRIGGERS

ROOT = Path(__file__).resolve().parents[2]
MARKS = re.compile(r"// triggers?: (.+)$", re.M)


def output_of(command, where):
    return subprocess.run(command, cwd=where, check=True, capture_output=True, text=True).stdout


def compile_command(build, file):
    for entry in json.loads((build / "compile_commands.json").read_text()):
        if Path(entry["file"]) == ROOT / file:
            return shlex.split(entry["command"])
    raise SystemExit(f"{file} is not part of {build}")


def link_command(build, binary):
    """Of the binary: what follows `:` and `&&` of ninja's line."""
    target = next(path.relative_to(build) for path in (build / "test").rglob(binary) if path.is_file())
    line = output_of(["ninja", "-t", "commands", "-s", str(target)], build).strip()
    return next(shlex.split(part) for part in line.split(" && ") if " -o " in part)


def with_output(command, at, source=None, was=None):
    made = list(command)
    made[made.index("-o") + 1] = str(at)
    return [str(source) if source and Path(part) == was else part for part in made]


def is_red(build, trigger, patched, scratch):
    source = scratch / Path(trigger.file).name
    source.write_text(patched)
    compiled = scratch / "mutant.o"
    compiling = compile_command(build, trigger.file)
    compiling = with_output(compiling, compiled, source, ROOT / trigger.file)
    subprocess.run([*compiling, "-Wno-unused", "-Wno-unused-parameter"], cwd=build, check=True)
    linking = with_output(link_command(build, trigger.binary), scratch / "mutant")
    linking.insert(linking.index("-o"), str(compiled))
    subprocess.run(linking, cwd=build, check=True)
    run = subprocess.run([scratch / "mutant", f"-sf=*/{trigger.tests}"], capture_output=True, text=True, timeout=120)
    if "test cases: 0 " in run.stdout:
        raise SystemExit(f"{trigger.binary} has no test in {trigger.tests}")
    return run.returncode != 0


def outcome(build, trigger):
    """Empty, or what is wrong."""
    text = (ROOT / trigger.file).read_text()
    if text.count(trigger.old) != 1:
        return f"{trigger.file} has {text.count(trigger.old)} times {trigger.old!r}"
    with tempfile.TemporaryDirectory() as directory:
        try:
            red = is_red(build, trigger, text.replace(trigger.old, trigger.new), Path(directory))
        except subprocess.CalledProcessError as error:
            return f"cannot be built: {error}"
    return "" if red else f"no test of {trigger.tests} failed without it"


def unlisted():
    """Marks in the source without an entry here, and the other way round."""
    marked = set()
    for path in [*(ROOT / "health").glob("*.cpp"), *(ROOT / "ota").glob("*.cpp")]:
        for names in MARKS.findall(path.read_text()):
            marked |= {name.strip() for name in names.split(",")}
    listed = {trigger.name for trigger in TRIGGERS if not trigger.name.startswith("probe ")}
    return sorted(marked ^ listed)


def main(arguments):
    build, names = Path(arguments[0]).resolve(), arguments[1:]
    wrong = [f"{name}: is either marked in the source or listed, not both" for name in unlisted()]
    for binary, tests in sorted({(trigger.binary, trigger.tests) for trigger in TRIGGERS}):
        true_one = next(path for path in (build / "test").rglob(binary) if path.is_file())
        if subprocess.run([true_one, f"-sf=*/{tests}"], capture_output=True).returncode != 0:
            wrong.append(f"{tests} fails as it is")
    chosen = [trigger for trigger in TRIGGERS if not names or trigger.name in names]
    with ThreadPoolExecutor(2) as pool:
        for trigger, what in zip(chosen, pool.map(lambda one: outcome(build, one), chosen)):
            print(f"{trigger.name}: {what or 'red without it'}", flush=True)
            if what:
                wrong.append(f"{trigger.name}: {what}")
    print("\n".join(wrong) or f"{len(chosen)} triggers, each guarded by a test")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
