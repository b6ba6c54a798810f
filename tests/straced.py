"""What processes asked the system for, seen by strace: each call, where it began and ended.

Lines are in the order in which strace saw them, for all threads together: of two calls, one was
over before the other began if its last line comes before the other's first.
"""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.receiving import wait_until
from tests.tools import program

WRITES = ("write", "pwrite64", "writev", "pwritev", "pwritev2", "sendfile", "copy_file_range")
SYNCS = ("fsync", "fdatasync")
NAMINGS = ("link", "linkat", "rename", "renameat", "renameat2")
FOLDERS = ("mkdir", "mkdirat")
READS = ("read", "readv", "recvfrom", "recvmsg")
SENDS = ("write", "writev", "sendto", "sendmsg")
# The question mark: not every machine has every call.
_TRACED = ",".join(
    f"?{call}" for call in sorted({*WRITES, *SYNCS, *NAMINGS, *FOLDERS, *READS, *SENDS})
)
_LINE = re.compile(
    r"(?P<thread>\d+) +(?:"
    r"<\.\.\. (?P<resumed>\w+) resumed>(?P<more>.*)"
    r"|(?P<name>\w+)\((?P<arguments>.*?)(?P<unfinished> <unfinished \.\.\.>)?"
    r")$"
)
_RESULT = re.compile(r"\) += (-?\d+)[^=]*$")
_DESCRIPTOR = re.compile(r"\d+<(?P<what>TCP[^>]*->[^>]*|[^>]*)>")
_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Call:
    """One finished system call; `begun` and `ended` are line numbers of strace's output."""

    thread: int
    name: str
    arguments: str
    result: int
    begun: int
    ended: int

    @property
    def what(self) -> str:
        """What its first descriptor is: a path, or ``TCP:[address->address]``."""
        found = _DESCRIPTOR.match(self.arguments)
        return found["what"] if found else ""

    @property
    def descriptor(self) -> int:
        """The number of its first descriptor, or -1."""
        found = re.match(r"\d+", self.arguments)
        return int(found[0]) if found else -1

    @property
    def texts(self) -> list[str]:
        """Its text arguments: for a naming, the old path and the new one."""
        return _TEXT.findall(self.arguments)

    def is_over_before(self, other: Call) -> bool:
        return self.ended < other.begun


@dataclass
class Trace:
    """strace on its way; `calls` once it has ended."""

    output: Path

    @property
    def calls(self) -> list[Call]:
        return list(parse(self.output.read_text(errors="replace").splitlines()))


@contextmanager
def strace(pids: Sequence[int], folder: Path) -> Iterator[Trace]:
    """Trace every thread of running processes during the block."""
    output, said = folder / "strace.txt", folder / "strace-said.txt"
    command = [program("strace", package="strace"), "-f", "-yy", "-s", "0", "-o", str(output)]
    command += ["-e", f"trace={_TRACED}", *(f"--attach={pid}" for pid in pids)]
    with said.open("wb") as errors:
        tracer = subprocess.Popen(command, stderr=errors)
    try:
        wait_until(lambda: tracer.poll() is not None or all(map(_is_traced, pids)))
        assert tracer.poll() is None, said.read_text()
        yield Trace(output)
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.wait(30)


def parse(lines: Sequence[str]) -> Iterator[Call]:
    """The calls that finished; those that a signal or the end cut off are left out."""
    begun: dict[int, tuple[int, str, str]] = {}
    for number, line in enumerate(lines):
        found = _LINE.match(line)
        if not found:
            continue
        thread = int(found["thread"])
        if found["unfinished"]:
            begun[thread] = number, found["name"], found["arguments"]
            continue
        if found["resumed"]:
            start, name, arguments = begun.pop(thread, (number, found["resumed"], ""))
            arguments += found["more"]
        else:
            start, name, arguments = number, found["name"], found["arguments"]
        result = _RESULT.search(arguments)
        if result:
            yield Call(thread, name, arguments, int(result[1]), start, number)


def _is_traced(pid: int) -> bool:
    """Whether strace holds every thread of the process."""
    statuses = [(task / "status").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
    return not any("\nTracerPid:\t0\n" in status for status in statuses)
