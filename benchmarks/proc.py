"""What Linux tells in /proc of a program with all its children, and of the whole machine."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
TICKS_S = os.sysconf("SC_CLK_TCK")
GONE = (FileNotFoundError, ProcessLookupError)


def tree(pid: int) -> list[int]:
    """The process and everything below it; a child that nobody has waited for is still there."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdecimal():
            with suppress(*GONE):
                children.setdefault(int(_stat(int(entry.name))[1]), []).append(int(entry.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def cpu_s(pid: int) -> float:
    """CPU seconds of the process and everything below it, ended children included."""
    ticks = 0
    for one in tree(pid):
        with suppress(*GONE):
            ticks += sum(map(int, _stat(one)[11:15]))  # utime, stime, cutime, cstime
    return ticks / TICKS_S


def modules_below(pid: int, module: str) -> list[int]:
    """The processes at or below `pid` that run this Python module."""
    found = []
    for one in tree(pid):
        with suppress(*GONE):
            words = (PROC / str(one) / "cmdline").read_bytes().split(b"\0")
            if module.encode() in words:
                found.append(one)
    return found


def peak_mb(pid: int) -> float:
    """The largest resident set the process has had, in 10^6 bytes."""
    for line in (PROC / str(pid) / "status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise ProcessLookupError(pid)


def machine_cpu_s() -> tuple[float, float]:
    """Seconds that the machine's processors were busy, and seconds in all, since it started."""
    numbers = [int(word) for word in (PROC / "stat").read_text().split("\n", 1)[0].split()[1:9]]
    idle = numbers[3] + numbers[4]  # idle, iowait
    return (sum(numbers) - idle) / TICKS_S, sum(numbers) / TICKS_S


def unwritten_mb() -> float:
    """What the page cache still owes the disks, in 10^6 bytes."""
    lines = (PROC / "meminfo").read_text().splitlines()
    owed = sum(int(line.split()[1]) for line in lines if line.startswith(("Dirty:", "Writeback:")))
    return owed * 1024 / 1e6


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat behind the program's name, which may hold spaces."""
    return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
