"""What a run of a program costs: wall and CPU time, peak memory, bytes written to storage."""
import dataclasses
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclasses.dataclass
class Cost:
    """Seconds, KiB, bytes. `written`: what the process had written to storage, as the kernel charges it: buffered
    writes when a page becomes dirty, direct ones when they are sent."""
    wall: float = 0.0
    cpu: float = 0.0
    peak_kib: int = 0
    written: int = 0

    def __add__(self, other):
        return Cost(self.wall + other.wall, self.cpu + other.cpu, max(self.peak_kib, other.peak_kib),
                    self.written + other.written)


def run(*command, environment=None):
    """(Cost, standard output) of a program that must succeed. Its peak is not known: wait4's begins with ours."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.monotonic()
        process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                   env=environment)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if process.returncode != 0:
            raise RuntimeError(f"{command[0]} ended with {process.returncode}: {err.read().decode(errors='replace')}")
        return Cost(wall, used.ru_utime + used.ru_stime, 0, used.ru_oublock * 512), out.read().decode()


class Running:
    """A process that goes on: what it and its reaped children use from `start` until `stop`."""

    def __init__(self, pid):
        self._proc = Path("/proc") / str(pid)

    def start(self):
        (self._proc / "clear_refs").write_text("5")   # the peak begins anew: proc(5)
        self._cpu, self._written = self._used()

    def stop(self):
        cpu, written = self._used()
        return Cost(0.0, cpu - self._cpu, self._peak(), written - self._written)

    def _used(self):
        fields = (self._proc / "stat").read_text().rpartition(")")[2].split()
        counts = dict(line.split(": ") for line in (self._proc / "io").read_text().splitlines())
        return sum(map(int, fields[11:15])) / _TICKS, int(counts["write_bytes"])

    def _peak(self):
        lines = (self._proc / "status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def median(costs):
    columns = zip(*map(dataclasses.astuple, costs))
    return Cost(*map(statistics.median, columns))


def spread(costs):
    """How far the middle half of the wall times lies apart, as a part of their median."""
    return _spread(sorted(cost.wall for cost in costs))


def figures(seconds):
    """Of many short times, in ms."""
    ordered = sorted(seconds)
    last = len(ordered) - 1
    ms = {"p50": statistics.median(ordered), "p99": ordered[round(last * 0.99)], "min": ordered[0], "max": ordered[-1]}
    return {"n": len(ordered), **{f"{name}_ms": round(value * 1000, 3) for name, value in ms.items()},
            "spread": round(_spread(ordered), 2)}


def _spread(ordered):
    quarter = len(ordered) // 4
    return (ordered[-1 - quarter] - ordered[quarter]) / statistics.median(ordered)
