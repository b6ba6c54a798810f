"""`dicom-node serve`: starts receivers, indexer and core, restarts what dies, stops all cleanly.

It holds the listening sockets, so that a restarted receiver goes on where the dead one was, the
links between receivers and indexer, so that what is on its way outlives either, and the lock of the
data folder. Each child has a pipe as its standard input: whatever becomes of this process, the pipe
closes and the children end.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

from dicom_node.data_folder import lock_data_folder, open_data_folder
from dicom_node.net.listener import Listeners, open_listeners
from dicom_node.net.tls import make_context
from dicom_node.observe.logging import configure, get_log
from dicom_node.rulebook import load_rulebook
from storage.db.engine import Database
from storage.db.schema import create_or_check

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from dicom_node.config import Settings

log = get_log(__name__)

LOOK_S = 0.2
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
SOUND_AFTER_S = 60.0  # a child that lived this long has not died of its start
STOP_WITHIN_S = 40.0
LINK_BYTES = 400_000
FINAL_CODES = (2, 3, 4)  # settings, port, folder (dicom_node.errors): no restart mends them


class Child:
    """A child process that is started again, after a growing pause, whenever it ends."""

    def __init__(self, role: str, command: Sequence[str], descriptors: Sequence[int]) -> None:
        self.role = role
        self._command = [sys.executable, "-P", "-m", *command]
        self._descriptors = tuple(descriptors)
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = self._due_at = 0.0
        self._pause_s = FIRST_PAUSE_S

    def look_after(self) -> int | None:
        """Start it if it is due; its exit code when it has just ended."""
        now = time.monotonic()
        if self._process is None:
            if now >= self._due_at:
                self._start()
            return None
        code = self._process.poll()
        if code is None:
            return None
        lived_s = now - self._started_at
        self._pause_s = FIRST_PAUSE_S if lived_s > SOUND_AFTER_S else self._pause_s
        self._due_at = now + self._pause_s
        log.error(
            "child ended", role=self.role, pid=self._process.pid, exit_code=code,
            retry_in_s=self._pause_s,
        )  # fmt: skip
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
        self._release()
        return code

    def terminate(self) -> None:
        """Ask it to end."""
        if self._process:
            self._process.terminate()

    def wait(self, within_s: float) -> None:
        """Return when it has ended; what has not within the time is killed."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, within_s))
        except subprocess.TimeoutExpired:
            log.warning("child killed: it did not stop", role=self.role, pid=self._process.pid)
            self._process.kill()
            self._process.wait()
        self._release()

    def _start(self) -> None:
        self._started_at = time.monotonic()
        # An ignored signal stays ignored in the child: Ctrl-C reaches this process alone.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - this program's own modules
                self._command, stdin=subprocess.PIPE, pass_fds=self._descriptors
            )
        finally:
            signal.signal(signal.SIGINT, before)
        log.info("child started", role=self.role, pid=self._process.pid)

    def _release(self) -> None:
        if self._process and self._process.stdin:
            self._process.stdin.close()
        self._process = None


def serve(settings: Settings, config: Path | None, say: Callable[[str], None]) -> int:
    """Run the node until SIGTERM or Ctrl-C; the exit code.

    Parameters
    ----------
    config : Path or None
        The file that `settings` came from, for the children to read again.
    say : callable
        Tells the person at the terminal one line.

    Raises
    ------
    NodeError, StorageError, PipelineError
        The node cannot start.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _signal, _frame: stop.set())
    configure(settings.log.level, settings.log.format)
    open_data_folder(settings.node.data_folder)
    lock = lock_data_folder(settings.node.data_folder)
    _check_what_restarts_cannot_mend(settings)
    listeners = open_listeners(settings)
    with closing(listeners):
        _announce(settings, listeners, say)
        arguments = [] if config is None else ["--config", str(config)]
        links = [_link() for _number in range(settings.receive.receivers)]
        receivers = [
            _receiver(number, arguments, listeners, ours, lock)
            for number, (ours, _theirs) in enumerate(links, start=1)
        ]
        ends = [theirs.fileno() for _ours, theirs in links]
        options = [text for end in ends for text in ("--link-fd", str(end))]
        indexer = Child("indexer", ["dicom_node.indexer", *arguments, *options], [*ends, lock])
        core = Child("core", ["dicom_node.node", *arguments], [lock])
        # The indexer is stopped last: receivers still tell it of what they finish.
        code = _keep_running([[core, *receivers], [indexer]], stop)
    log.info("node stopped", exit_code=code)
    return code


def _announce(settings: Settings, listeners: Listeners, say: Callable[[str], None]) -> None:
    names = ", ".join(settings.own_ae_titles)
    for listener, over in ((listeners.plain, ""), (listeners.tls, " over TLS")):
        if listener:
            host, port = listener.getsockname()[:2]
            say(f"receiving DICOM{over} on {host}:{port} as {names}")
    say(f"keeping everything in {settings.node.data_folder.absolute()}")


def _link() -> tuple[socket.socket, socket.socket]:
    """A link between a receiver and the indexer, with room for letters in both directions."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    for end in ends:
        # Linux gives as much by itself; macOS would take 2 KiB at a time.
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LINK_BYTES)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, LINK_BYTES)
    return ends


def _receiver(
    number: int, arguments: Sequence[str], listeners: Listeners, link: socket.socket, lock: int
) -> Child:
    named = {
        "--listen-fd": listeners.plain,
        "--tls-listen-fd": listeners.tls,
        "--index-fd": link,
    }
    descriptors = {option: one.fileno() for option, one in named.items() if one}
    options = [word for option, fd in descriptors.items() for word in (option, str(fd))]
    command = ["dicom_node.receiver", *arguments, *options]
    return Child(f"receiver-{number}", command, [*descriptors.values(), lock])


def _keep_running(groups: Sequence[Sequence[Child]], stop: threading.Event) -> int:
    """Look after the children until told to stop, or until one says that it cannot run.

    Then the groups are stopped one after another.
    """
    code = 0
    while not code:
        codes = [child.look_after() for group in reversed(groups) for child in group]
        code = next((ended for ended in codes if ended in FINAL_CODES), 0)
        if stop.wait(LOOK_S):
            break
    until = time.monotonic() + STOP_WITHIN_S
    for group in groups:
        for child in group:
            child.terminate()
        for child in group:
            child.wait(until - time.monotonic())
    return code


def _check_what_restarts_cannot_mend(settings: Settings) -> None:
    """Cards, rules, certificates and the database's schema, before anything is started on them."""
    load_rulebook(settings)
    if settings.tls.is_on:
        make_context(settings.tls)
    db = Database(settings.database_url)
    try:
        create_or_check(db)
    finally:
        db.close()
