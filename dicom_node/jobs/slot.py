"""One device with one warm child process, which alone loads torch and highdicom.

Requests and replies are JSON lines. The end of the child's output is a crash, known at once; a job
over its time, or one that is cancelled, is ended by SIGKILL. A child that is gone is replaced for
the next job.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from dicom_node.errors import SlotLost, SlotTimedOut
from dicom_node.jobs.child import Child
from dicom_node.observe.logging import get_log

if TYPE_CHECKING:
    from collections.abc import Callable

log = get_log(__name__)

Label = tuple[int, int]  # (job id, attempt)
Reply = dict[str, Any]
NO_ROOM = "no-room"  # code of a failure that the full disk is to blame for, and not the pipeline


class Slot:
    """Runs one request after another in its child; `run` is for one thread, the rest for any.

    Parameters
    ----------
    name : str
        Tells it from the node's other slots: ``cpu-0``.
    device : str
        ``"cpu"`` or ``"cuda:N"``.
    threads : int
        How many the child may compute with.
    """

    def __init__(self, name: str, device: str, *, threads: int = 1) -> None:
        self.name = name
        self.device = device
        self._threads = threads
        self._lock = threading.Lock()
        self._child: Child | None = None
        self._label: Label | None = None
        self._closed = False

    @property
    def label(self) -> Label | None:
        """What runs now."""
        return self._label

    @property
    def is_closed(self) -> bool:
        """True once `close` was called."""
        return self._closed

    @property
    def pid(self) -> int | None:
        """The process id of its living child."""
        child = self._child
        return child.pid if child and child.is_alive else None

    def start(self) -> Child:
        """Its living child; a new one begins at once to load what it needs."""
        with self._lock:
            if self._closed:
                raise SlotLost("the node is stopping")
            if self._child is None or not self._child.is_alive:
                if self._child:
                    self._child.end()
                command = [sys.executable, "-P", "-m", "dicom_node.jobs.slot_child", self.device]
                self._child = Child(command, threads=self._threads)
                log.info("slot started", slot=self.name, pid=self._child.pid)
            return self._child

    def run(
        self,
        request_json: str,
        timeout_s: float,
        on_progress: Callable[[float], None],
        label: Label = (0, 0),
    ) -> Reply:
        """The child's reply: its ``status`` is ``succeeded``, ``refused`` or ``failed``.

        A success has the ``manifest``; the others have a ``code`` and a ``reason``.

        Raises
        ------
        SlotLost
            The child ended, or was killed, before it replied.
        SlotTimedOut
            It took longer than `timeout_s` and was killed.
        """
        child = self.start()
        self._label = label
        deadline = time.monotonic() + timeout_s
        try:
            child.ask(request_json)
            while True:
                said = _parse(child.next_line(deadline - time.monotonic()))
                if said is None:
                    child.kill()
                    raise SlotLost(child.epitaph())
                if "status" in said:
                    return said
                on_progress(float(said["progress"]))
        except TimeoutError:
            child.kill()
            child.end()
            raise SlotTimedOut(f"killed after {timeout_s:g} s") from None
        finally:
            with self._lock:
                self._label = None

    def kill(self, label: Label | None = None) -> None:
        """End the child at once; with `label`, only while it runs just that."""
        with self._lock:
            if self._child and label in (None, self._label):
                self._child.kill()

    def close(self) -> None:
        """End the child, kindly if it idles, and start no other."""
        with self._lock:
            self._closed = True
            if self._child:
                if self._label:
                    self._child.kill()
                self._child.end()


def _parse(line: str | None) -> Reply | None:
    """What the child said; None at the end of its output, and for what is no line of ours."""
    try:
        said = json.loads(line or "")
    except ValueError:
        return None
    is_ours = isinstance(said, dict) and ("status" in said or "progress" in said)
    return said if is_ours else None
