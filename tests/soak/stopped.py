"""What can be seen of a receiver that stands still (SIGSTOP), with the system's own means.

How far it has read and answered on each connection comes from TCP itself: bytes received less bytes
unread, and bytes sent (``TCP_INFO``, on a copy of its descriptor: ``pidfd_getfd``). How far its
files are comes from ``/proc``. The receiver is not asked, and has no hook for it.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import socket
import struct
import termios
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PIDFD_GETFD = 438  # the same number on every architecture
SYNCS = {"x86_64": (74, 75), "aarch64": (82, 83)}.get(os.uname().machine, ())  # fsync, fdatasync
BYTES_RECEIVED, BYTES_SENT = 128, 200  # offsets in struct tcp_info, linux/tcp.h
STANDS_WITHIN_S = 10.0
HEAD_BYTES = 2048  # of a part: enough for the file meta
_system = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Connection:
    """One peer's port, and how many bytes were read from it and sent to it."""

    peer_port: int
    read: int
    sent: int


@dataclass(frozen=True, slots=True)
class Part:
    """A file that is being written: its first bytes, its size, and what is done with it."""

    head: bytes
    size: int
    is_named: bool
    is_syncing: bool


def stop(pid: int) -> bool:
    """Whether the process stands: every thread of it has left what it was in."""
    os.kill(pid, signal.SIGSTOP)
    until = time.monotonic() + STANDS_WITHIN_S
    while time.monotonic() < until:
        states = [_state(task) for task in Path(f"/proc/{pid}/task").iterdir()]
        if all(state in "TtXZ" for state in states):
            return True
        time.sleep(0.0005)
    return False


def go_on(pid: int) -> None:
    os.kill(pid, signal.SIGCONT)


def connections_of(pid: int) -> list[Connection]:
    """The accepted connections of a process that stands."""
    found = []
    for copy in _sockets(pid):
        with copy:
            try:
                peer = copy.getpeername()
                info = copy.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
            except OSError:
                continue  # it listens, or is no TCP socket
            (received,) = struct.unpack_from("Q", info, BYTES_RECEIVED)
            (sent,) = struct.unpack_from("Q", info, BYTES_SENT)
            unread = struct.unpack("i", fcntl.ioctl(copy, termios.FIONREAD, bytes(4)))[0]
            found.append(Connection(peer[1], received - unread, sent))
    return found


NAMELESS = " (deleted)"
"""How proc(5) shows a file that was opened without a name, even when it has got one."""


def parts_of(pid: int) -> list[Part]:
    """The unfinished files of the store that a process which stands holds open."""
    syncing = _descriptors_in_sync(pid)
    found = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            where = str(entry.readlink())
            if "/.parts/" in where:
                status = entry.stat()
                with entry.open("rb") as file:
                    head = file.read(HEAD_BYTES)
                number = int(entry.name)
                named = status.st_nlink > (0 if where.endswith(NAMELESS) else 1)
                found.append(Part(head, status.st_size, named, number in syncing))
    return found


def ports_by_inode() -> dict[int, int]:
    """Local port of every TCP socket of this machine, by its inode."""
    found = {}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        found[int(fields[9])] = int(fields[1].rpartition(":")[2], 16)
    return found


def _sockets(pid: int) -> Iterator[socket.socket]:
    pidfd = os.pidfd_open(pid)
    try:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            if not str(entry.readlink()).startswith("socket:"):
                continue
            copy = _system.syscall(PIDFD_GETFD, pidfd, int(entry.name), 0)
            if copy < 0:
                raise OSError(ctypes.get_errno(), "pidfd_getfd")
            yield socket.socket(fileno=copy)
    finally:
        os.close(pidfd)


def _descriptors_in_sync(pid: int) -> set[int]:
    """Descriptors whose sync was the last call of some thread."""
    found = set()
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):
            call, *arguments = (task / "syscall").read_text().split()
            if call.isdigit() and int(call) in SYNCS:
                found.add(int(arguments[0], 16))
    return found


def _state(task: Path) -> str:
    try:
        return (task / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"
