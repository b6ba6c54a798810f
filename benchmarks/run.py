"""One run: a fresh receiver, n senders at once, every data set compared, and what it cost."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.load import Load
from benchmarks.proc import cpu_s, machine_cpu_s
from benchmarks.quiet import await_that, become_idle, become_quiet
from benchmarks.receiver import Receiver, running
from benchmarks.senders import send
from benchmarks.verify import verify

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

CATCH_UP_WITHIN_S = 120.0
AFTERWARDS_S = 1.0  # at least; forked children end, and their CPU seconds are counted


@dataclass(frozen=True, slots=True)
class Cell:
    """What is repeated: a sender's mode, a load, and how many associations share it."""

    mode: str
    kind: str
    n: int


@dataclass(frozen=True, slots=True)
class Run:
    """What one receiver did once in one cell."""

    receiver: str
    cell: Cell
    repetition: int
    images: int
    megabytes: float
    seconds: float  # start of the first sender to the end of the last
    cpu_ms: float  # per image, of all the receiver's processes, what runs behind the answer too
    peak_mb: float | None  # of the node's receiver process
    foreign_share: float  # of the machine's processors, used by others meanwhile
    was_quiet: bool  # the machine, before it


def measure(receiver: Receiver, load: Load, cell: Cell, repetition: int, quiet_s: float) -> Run:
    """Run once.

    Raises
    ------
    BenchmarkFailed
        A sender failed, or something was not kept as it was sent.
    """
    parts = load.parts(cell.n)
    with running(receiver) as pid:
        become_idle(pid, quiet_s)
        was_quiet = become_quiet(quiet_s)
        cpu_before, busy_before = cpu_s(pid), machine_cpu_s()
        seconds, senders_s = send(parts, receiver.port, cell.mode)
        cpu_then, busy_then = cpu_s(pid), machine_cpu_s()
        await_that(
            lambda: receiver.has_caught_up(load, cell.n),
            f"{receiver.name} has not caught up",
            CATCH_UP_WITHIN_S,
        )
        become_idle(pid, AFTERWARDS_S + quiet_s)
        cpu_after = cpu_s(pid)
        peak_mb = receiver.peak_mb(pid)
    verify(load.sent, receiver.kept(), receiver.name)
    _empty(receiver.kept())
    busy_s, total_s = (then - before for then, before in zip(busy_then, busy_before, strict=True))
    foreign_s = busy_s - senders_s - (cpu_then - cpu_before)
    return Run(
        receiver=receiver.name,
        cell=cell,
        repetition=repetition,
        images=len(load.sent),
        megabytes=load.megabytes,
        seconds=seconds,
        cpu_ms=(cpu_after - cpu_before) * 1000 / len(load.sent),
        peak_mb=peak_mb,
        foreign_share=max(0.0, foreign_s / max(total_s, 0.01)),
        was_quiet=was_quiet,
    )


def _empty(kept: Iterable[Path]) -> None:
    """Give back the disk's room, but delete nothing until all is measured.

    An ext4 without a journal does not use the inode of a file again that was deleted minutes ago,
    and each new file then waits until one is found: the next run would pay for this one.
    """
    for path in kept:
        os.truncate(path, 0)
