"""What every receiver is to the benchmark, and how one is started and ended."""

from __future__ import annotations

import os
import signal
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar

from benchmarks.errors import BenchmarkFailed
from benchmarks.load import Load
from benchmarks.programs import dcmtk_environment, free_port, program
from benchmarks.quiet import await_that

START_WITHIN_S = 60.0
STOP_WITHIN_S = 60.0


class Receiver(ABC):
    """A program that listens on `port` and keeps what it receives below `folder`/kept."""

    name: ClassVar[str]

    def __init__(self, folder: Path, mode: str) -> None:
        self.folder = folder
        self.files = folder / "kept"
        self.port = free_port()
        self.environment: Mapping[str, str] = dcmtk_environment(mode)

    @abstractmethod
    def command(self) -> list[str]:
        """How it is started in its folder, with everything made that it needs."""

    @abstractmethod
    def kept(self) -> list[Path]:
        """Every file that should hold an instance."""

    def has_caught_up(self, load: Load, n: int) -> bool:  # noqa: ARG002 - most do nothing behind
        """Whether all it does behind its answers is done."""
        return True

    def peak_mb(self, pid: int) -> float | None:  # noqa: ARG002 - told of the node alone
        """The largest resident set that a receiving process has had, in 10^6 bytes."""
        return None


@contextmanager
def running(receiver: Receiver) -> Iterator[int]:
    """The receiver's process id once it answers C-ECHO; all its processes end with the block."""
    receiver.folder.mkdir(parents=True)
    output = receiver.folder / "output.txt"
    with output.open("wb") as out:
        process = subprocess.Popen(
            receiver.command(), cwd=receiver.folder, env=receiver.environment,
            stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
        )  # fmt: skip
    probe = [program("echoscu"), "127.0.0.1", str(receiver.port)]

    def answers() -> bool:
        if process.poll() is not None:
            said = output.read_text(errors="replace")[-2000:]
            raise BenchmarkFailed(f"{receiver.name} ended: {said}")
        return subprocess.call(probe, stderr=subprocess.DEVNULL) == 0

    try:
        await_that(answers, f"{receiver.name} answers no C-ECHO", START_WITHIN_S)
        yield process.pid
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_WITHIN_S)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
