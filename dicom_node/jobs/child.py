"""A slot's child process: JSON lines in, JSON lines out, its log lines passed on."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import threading
from contextlib import suppress
from typing import IO, TYPE_CHECKING

from dicom_node.errors import SlotLost
from dicom_node.jobs.child_log import pass_on

if TYPE_CHECKING:
    from collections.abc import Sequence

END_WITHIN_S = 5.0
THREAD_LIMITS = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
)  # fmt: skip


class Child:
    """A running child process, started by making this object."""

    def __init__(self, command: Sequence[str], *, threads: int) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - this program's own module
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, **dict.fromkeys(THREAD_LIMITS, str(threads))},
        )
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        assert self._process.stdout  # noqa: S101 - opened as a pipe, which the type cannot tell
        assert self._process.stderr  # noqa: S101 - the same
        for work, stream in (
            (self._collect, self._process.stdout),
            (pass_on, self._process.stderr),
        ):
            threading.Thread(
                target=work, args=(stream,), name=f"child-{self.pid}", daemon=True
            ).start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """False once it has ended."""
        return self._process.poll() is None

    def ask(self, line: str) -> None:
        """Give it one line to read; SlotLost when it is gone."""
        assert self._process.stdin  # noqa: S101 - opened as a pipe
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except (OSError, ValueError):
            raise SlotLost(self.epitaph()) from None

    def next_line(self, timeout_s: float) -> str | None:
        """Its next line of output, None at the end of it, TimeoutError when nothing comes."""
        try:
            return self._lines.get(timeout=max(0.0, timeout_s))
        except queue.Empty:
            raise TimeoutError from None

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def end(self, within_s: float = END_WITHIN_S) -> int:
        """Close its input, which ends it, and give its exit code; what lingers is killed."""
        if self._process.stdin:
            with suppress(OSError):  # it died with a request in the pipe
                self._process.stdin.close()
        try:
            return self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def epitaph(self) -> str:
        """How it ended, in words; it has ended when this returns."""
        code = self.end()
        if code < 0:
            return f"the worker process was ended by {signal.Signals(-code).name}"
        return f"the worker process ended with exit code {code}"

    def _collect(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                self._lines.put(line)
        self._lines.put(None)
