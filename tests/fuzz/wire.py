"""The receiver as a process, besieged over real sockets, and what is left of it afterwards."""

from __future__ import annotations

import signal
import socket
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from storage.db import schema
from tests.databases import opened
from tests.fuzz.corpus import corpus
from tests.fuzz.finding import Seen
from tests.fuzz.pdus import COMMAND, LAST, Conversation, Talker
from tests.receiving import Receiver, a_receiver, store_keys, wait_until

CLIENTS = 4
MESSAGES = 3
PATIENCE_S = 30.0  # the receiver's own limits are far below
GLANCE_S = 0.1
IDLE_S = 3
QUIET_S = 20.0  # in which what is bad must be over
ASSOCIATE_RQ = b"\x01"
ASSOCIATE_AC, P_DATA = 0x02, 0x04
CONFIG = """
[node]
data_folder = "{folder}"
[receive]
port = 0
disk_reserve_mb = 0
idle_timeout_s = {idle_s}
max_associations = 100
"""


@dataclass
class Answers:
    """What the receiver said in one conversation."""

    is_accepted: bool = False
    stored: int = 0
    refused: int = 0
    is_over: bool = False
    """It ended the connection, as it must once the peer has said its last word."""
    heard: threading.Condition = field(default_factory=threading.Condition)
    pdus: int = 0

    def wait_for(self, pdus: int, patience_s: float) -> None:
        """Wait until it has said so many PDUs, or has ended the connection."""
        with self.heard:
            self.heard.wait_for(lambda: self.is_over or self.pdus >= pdus, patience_s)


@dataclass(frozen=True)
class Standing:
    """What the receiver holds while nobody is connected."""

    descriptors: int
    threads: int


@dataclass
class Siege:
    """Clients that talk in turns until enough messages were sent."""

    port: int
    rng: Random
    wanted: int
    until: float
    folder: Path
    seen: Seen = field(default_factory=Seen)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> None:
        """Talk with so many clients at once."""
        talkers = [Talker(Random(self.rng.random()), corpus()) for _ in range(CLIENTS)]
        clients = [threading.Thread(target=self._talk, args=(one,)) for one in talkers]
        for client in clients:
            client.start()
        for client in clients:
            client.join()

    def _talk(self, talker: Talker) -> None:
        while self.seen.counts["messages"] < self.wanted and time.monotonic() < self.until:
            said = talker.converse(MESSAGES)
            answers = hold(self.port, said)
            with self.lock:
                self._count(said, answers)

    def _count(self, said: Conversation, answers: Answers) -> None:
        counts = self.seen.counts
        counts["connections"] += 1
        counts["connections past A-ASSOCIATE"] += answers.is_accepted
        counts["messages"] += max(sum(map(_begins_message, said.pdus)), 1)
        counts["messages stored"] += answers.stored
        counts["messages refused"] += answers.refused
        if not answers.is_over:
            counts["hangs"] += 1
            with suppress(OSError):
                (self.folder / f"hang-{counts['hangs']}.bin").write_bytes(b"".join(said.pdus))
            self.seen.faults.append("a conversation did not end")


def besiege(rng: Random, wanted: int, seconds: float, folder: Path) -> Seen:
    """Send a receiver so many messages, then see that it is as it was before."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as place:
        data = Path(place) / "data"
        config = Path(place) / "node.toml"
        data.mkdir(mode=0o700)
        with opened(f"sqlite:///{data / 'node.db'}") as database:
            schema.create_or_check(database)
        config.write_text(CONFIG.format(folder=data, idle_s=IDLE_S))
        with a_receiver(config) as receiver:
            _prove_it_stores(receiver)
            before = wait_until(lambda: _standing(receiver))
            until = time.monotonic() + seconds
            siege = Siege(receiver.port, rng, wanted, until, folder)
            siege.run()
            _look_after(receiver, before, data, siege.seen)
            log = receiver.log.read_text(errors="replace")
            _end(receiver)
    (folder / "receiver.log").write_text(log)
    for word in ("Traceback", "receiving failed", "unexpected error"):
        lines = [line for line in log.splitlines() if word in line]
        siege.seen.counts["crashes"] += len(lines)
        siege.seen.faults += [f"the receiver's log: {line}" for line in lines[:3]]
    return siege.seen


def hold(port: int, said: Conversation, patience_s: float = GLANCE_S) -> Answers:
    """Say it all, end our side, and listen to the end.

    The answer to a data set is waited for, but not for longer than `patience_s`: much of what is
    said here will never be answered.
    """
    answers = Answers()
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
            listener = threading.Thread(target=_listen, args=(connection, answers))
            listener.start()
            with suppress(OSError):  # it may end the connection whenever it has heard enough
                for pdu, broken in zip(said.pdus, said.broken, strict=True):
                    expected = answers.pdus + 1
                    connection.sendall(pdu)
                    if pdu[0:1] == ASSOCIATE_RQ and not broken:
                        answers.wait_for(expected, PATIENCE_S)
                    elif _ends_a_data_set(pdu):
                        answers.wait_for(expected, patience_s)
                connection.shutdown(socket.SHUT_WR)
            listener.join(PATIENCE_S)
    except OSError:
        return answers
    return answers


def _listen(connection: socket.socket, answers: Answers) -> None:
    """Count answers until the connection ends; a reset is an end, too."""
    heard = b""
    with suppress(ConnectionError):
        try:
            while piece := connection.recv(65_536):
                heard = _take(heard + piece, answers)
                with answers.heard:
                    answers.heard.notify_all()
        except TimeoutError:
            return
    with answers.heard:
        answers.is_over = True
        answers.heard.notify_all()


def _take(heard: bytes, answers: Answers) -> bytes:
    """Count the whole PDUs, and give back the rest."""
    while len(heard) >= 6:
        kind, length = struct.unpack_from(">BxL", heard)
        if len(heard) < 6 + length:
            break
        pdu, heard = heard[: 6 + length], heard[6 + length :]
        answers.pdus += 1
        answers.is_accepted |= kind == ASSOCIATE_AC
        if kind == P_DATA and b"\0\0\0\1\2\0\0\0\1\x80" in pdu:  # a C-STORE-RSP
            status = pdu.partition(b"\0\0\0\x09\2\0\0\0")[2][:2]
            answers.stored += status == b"\0\0"
            answers.refused += status != b"\0\0"
    return heard


def _ends_a_data_set(pdu: bytes) -> bool:
    return len(pdu) > 11 and pdu[0] == P_DATA and pdu[11] & (COMMAND | LAST) == LAST


def _begins_message(pdu: bytes) -> bool:
    return len(pdu) > 11 and pdu[0] == P_DATA and bool(pdu[11] & COMMAND)


def _prove_it_stores(receiver: Receiver) -> None:
    said = Talker(Random(time.monotonic_ns()), []).behave()
    answers = hold(receiver.port, said, PATIENCE_S)
    assert answers.stored == 1, "a well-behaved sender is not served"


def _standing(receiver: Receiver) -> Standing | None:
    """What it holds, once that does not change from one look to the next."""
    first = _look(receiver)
    time.sleep(1)
    return first if first == _look(receiver) else None


def _look(receiver: Receiver) -> Standing:
    """What it holds but for its database, whose files it opens as it needs them."""
    process = Path(f"/proc/{receiver.process.pid}")
    held = 0
    for descriptor in (process / "fd").iterdir():
        with suppress(OSError):  # closed meanwhile
            held += ".db" not in descriptor.readlink().name
    return Standing(held, sum(1 for _ in (process / "task").iterdir()))


def _look_after(receiver: Receiver, before: Standing, data: Path, seen: Seen) -> None:
    """Note what the siege left behind: a dead process, descriptors, threads, parts of files."""
    if receiver.process.poll() is not None:
        seen.counts["crashes"] += 1
        seen.faults.append("the receiver died")
        return
    try:
        _prove_it_stores(receiver)
    except AssertionError as error:
        seen.counts["crashes"] += 1
        seen.faults.append(str(error))
    try:
        wait_until(lambda: _holds_no_more(receiver, before), QUIET_S)
    except AssertionError:
        seen.counts["leaks"] += 1
        seen.faults.append(f"the receiver held {before} before and {_look(receiver)} afterwards")
    seen.counts["files stored"] = len(store_keys(data))
    if seen.counts["files stored"] < seen.counts["messages stored"]:
        seen.counts["leaks"] += 1
        seen.faults.append("more instances were acknowledged than there are files")
    parts = [key for key in store_keys(data) if not _is_whole_name(key)]
    if parts:
        seen.counts["leaks"] += len(parts)
        seen.faults.append(f"{len(parts)} files in the store are none of the received: {parts[:3]}")


def _holds_no_more(receiver: Receiver, before: Standing) -> bool:
    now = _look(receiver)
    return now.descriptors <= before.descriptors and now.threads <= before.threads


def _is_whole_name(key: str) -> bool:
    return key.startswith("received/") and key.endswith(".dcm") and key.count("/") == 3


def _end(receiver: Receiver) -> None:
    """End it in peace, so that it tells which lines it went through."""
    receiver.process.send_signal(signal.SIGTERM)
    with suppress(Exception):
        receiver.process.wait(30)
