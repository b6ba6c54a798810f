"""Kills receivers of one node again and again under load, and checks after each death.

The promise under test: what was acknowledged is on disk, whole, and indexed after the restart;
what was not may be there, but then whole.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from dicom_node.demo.pacs import free_port
from tests.jobs import injected_environment
from tests.receiving import wait_until
from tests.serving import ServedNode, start
from tests.soak.images import Sent, make_images
from tests.soak.layout import Layout, learn
from tests.soak.ledger import Ledger, wait_until_indexed
from tests.soak.place import ANSWER_DUE, IN_MESSAGE, QUARTERS, Place, Position, position_of, refine
from tests.soak.report import LONGEST_RUN_S, RUNNING_SHARE, Report
from tests.soak.senders import Sender, start_sender
from tests.soak.stopped import connections_of, go_on, parts_of, ports_by_inode, stop

LOADS = (["slice"] * 8, ["slice"] * 8, ["large"] * 2, ["large"] * 2)  # one sender each
# What a kill waits for: anything, a quarter of a message, or the time until the answer.
INSIDE, DUE = frozenset(IN_MESSAGE), frozenset(ANSWER_DUE)
AIMS = (frozenset(Place), *(frozenset([quarter]) for quarter in QUARTERS), DUE)
WEIGHTS = (2, *(4 for _ in QUARTERS), 4)
LOADS_AT_MOST = 4
LONGEST_PAUSE_S = 0.3  # from the start of a load to the first look
NEXT_LOOK_S = 0.01
KILLS_OF_ONE_RECEIVER = 2  # before the whole node is killed: its supervisor waits longer each time


@dataclass(frozen=True, slots=True)
class Moment:
    """All that has been sent of this round, and where the associations stand."""

    senders: list[Sender]
    positions: list[Position]


@dataclass
class Campaign:
    """One data folder, one seed, and everything that was ever acknowledged into it."""

    folder: Path
    seed: int
    report: Report = field(default_factory=Report)

    def __post_init__(self) -> None:
        self.rng = Random(self.seed)
        self.port = free_port()
        self.ledger = Ledger(self.folder / "data" / "store", self.report)

    def run(self, deaths: int) -> Report:
        """Kill so often, then start once more and check everything that was ever sent."""
        layout = self._learn()
        while self.report.deaths < deaths:
            receivers = self.rng.choice((1, 2))
            with self._node(receivers) as node:
                wait_until_indexed(node, self.ledger.acknowledged)
                for _ in range(self.rng.randint(1, KILLS_OF_ONE_RECEIVER * receivers)):
                    if self.report.deaths < deaths - 1:
                        self._kill_receiver(node, layout, receivers)
                self._kill_all(node, layout, receivers)
            print(f"{self.report.deaths} kills", flush=True)
        self._check_at_the_end()
        return self.report

    def _learn(self) -> Layout:
        images = self._images(["slice", "large"])
        with self._node(1) as node:
            layout = learn(self.port, images, self.folder / "learning.log")
            self.ledger.take_in(images, images)
            wait_until_indexed(node, images)
        return layout

    def _kill_receiver(self, node: ServedNode, layout: Layout, receivers: int) -> None:
        role = f"receiver-{self.rng.randint(1, receivers)}"
        pid = node.pid_of(role)
        moment = self._wait_for_a_moment(layout, [pid])
        self._let_run(moment, [pid])
        os.kill(pid, signal.SIGKILL)
        acknowledged = self._reckon(moment.senders)
        wait_until(lambda: node.pid_of(role) != pid, 60)
        wait_until_indexed(node, acknowledged)
        self.report.kills["one receiver"] += 1

    def _kill_all(self, node: ServedNode, layout: Layout, receivers: int) -> None:
        pids = [node.pid_of(f"receiver-{number}") for number in range(1, receivers + 1)]
        moment = self._wait_for_a_moment(layout, pids)
        self._let_run(moment, pids)
        node.kill()
        self._reckon(moment.senders)
        self.report.kills["every process of the node"] += 1

    def _wait_for_a_moment(self, layout: Layout, pids: list[int]) -> Moment:
        """Load on processes that stand still now, at a random moment of the wanted kind.

        The moment is random within its kind: looks come at random times, and the first that
        finds what is wanted is taken. Where a whole load passes without it, there is another, and
        any place inside a message will do.
        """
        wanted = self.rng.choices(AIMS, WEIGHTS)[0]
        senders: list[Sender] = []
        for load in range(1, LOADS_AT_MOST + 1):
            senders += self._send()
            time.sleep(self.rng.uniform(0, LONGEST_PAUSE_S))
            while True:
                positions = [one for pid in pids for one in self._look(layout, senders, pid)]
                is_over = not any(sender.runs for sender in senders)
                is_last = is_over and load == LOADS_AT_MOST
                if is_last or wanted & {one.place for one in positions or [NOBODY]}:
                    return Moment(senders, positions or [NOBODY])
                for pid in pids:
                    go_on(pid)
                if is_over:
                    wanted |= INSIDE
                    break
                time.sleep(self.rng.uniform(0, NEXT_LOOK_S))
        raise AssertionError("the last load's last look is taken")

    def _let_run(self, moment: Moment, pids: list[int]) -> None:
        """Leave the processes as they stand, or, some of them, running on for a moment."""
        places = {position.place for position in moment.positions}
        self.report.places.update(position.place for position in moment.positions)
        inside = [one.read for one in moment.positions if one.place in INSIDE]
        self.report.in_message_bytes += inside
        if self.rng.random() >= RUNNING_SHARE:
            self.report.in_message += bool(inside)
            self.report.answer_due += bool(places & DUE)
            return
        for pid in pids:
            go_on(pid)
        self.report.in_flight += 1
        self.report.in_message_before += bool(inside)
        time.sleep(self.rng.uniform(0, LONGEST_RUN_S))

    def _send(self) -> list[Sender]:
        """Several storescu at once, with images of their own each."""
        log = self.folder / f"sender-{self.rng.getrandbits(64)}"
        loads = [self._images(kinds) for kinds in LOADS]
        return [
            start_sender(self.port, images, log.with_suffix(f".{number}.log"))
            for number, images in enumerate(loads)
        ]

    def _images(self, kinds: list[str]) -> list[Sent]:
        folder = self.folder / "outgoing" / f"{self.rng.getrandbits(64)}"
        return make_images(folder, self.rng, kinds)

    def _look(self, layout: Layout, senders: list[Sender], pid: int) -> list[Position]:
        """Stop a process and say where its associations are."""
        if not stop(pid):
            self.report.unseen += 1
            return []
        ports = ports_by_inode()
        by_port = {
            ports[inode]: sender for sender in senders for inode in sender.sockets & ports.keys()
        }
        parts = parts_of(pid)
        return [
            refine(
                position_of(layout, by_port[one.peer_port].images, one), parts, self.ledger.store
            )
            for one in connections_of(pid)
            if one.peer_port in by_port
        ]

    def _reckon(self, senders: list[Sender]) -> list[Sent]:
        """What the senders of this round were told is stored, once all have ended."""
        acknowledged = {sender.log: sender.acknowledged() for sender in senders}
        self.report.unanswered += any(sender.is_unanswered for sender in senders)
        for sender in senders:
            self.ledger.take_in(sender.images, acknowledged[sender.log])
        return [image for told in acknowledged.values() for image in told]

    def _check_at_the_end(self) -> None:
        with self._node(1) as node:
            wait_until_indexed(node, list(self.ledger.present.values()))
            wait_until(lambda: not self.ledger.parts)
            assert node.stop() == 0
        self.ledger.check_all()
        command = [sys.executable, "-m", "dicom_node", "audit", "verify", "--config"]
        subprocess.run([*command, str(self.folder / "node.toml")], check=True)

    @contextmanager
    def _node(self, receivers: int) -> Iterator[ServedNode]:
        """The node, as it is started by hand; dead after the block."""
        data = json.dumps(str(self.folder / "data"))
        toml = TOML.format(data=data, port=self.port, receivers=receivers)
        node = start(self.folder, toml, environment=injected_environment())
        try:
            yield node
        finally:
            with suppress(ProcessLookupError):
                node.kill()
            node.output.unlink()


NOBODY = Position(Place.NOBODY)
# Nothing settles meanwhile: the load is on reception. Index, audit and rules are on.
TOML = """
[node]
data_folder = {data}
[receive]
port = {port}
receivers = {receivers}
settle_after_s = 3600
disk_reserve_mb = 1
disk_warn_mb = 1
[web]
port = 0
[jobs]
slots = ["cpu"]
"""
