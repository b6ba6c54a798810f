"""What strangers may send: each bad input has one defined end, and nobody else notices.

PS3.8 9.2 says which PDU may come when, and that anything else is answered by A-ABORT. After each
case another peer is served as before, and the log has at most one line more, without anything of a
patient. After all of them the receiver is the same process, with no more descriptors and threads
than before, and no part of a file is left.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from dicom_node.demo.pacs import free_port
from tests import pdus
from tests.bad_input import (
    BEFORE,
    CONTEXTS,
    CUT,
    IN_ASSOCIATION,
    Case,
    an_instance,
    half,
    message,
    open_command,
    store,
)
from tests.builders import CANARY
from tests.pdus import (
    ABORT,
    ASSOCIATE_RJ,
    COMMAND,
    CT_IMAGE,
    LAST,
    P_DATA,
    Closed,
    Pdu,
    Wire,
    associate_rq,
    echo_rq,
    fragments,
    p_data,
    pdv,
    store_rq,
)
from tests.receiving import wait_until
from tests.serving import ServedNode, node_toml, serving

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="counts descriptors in /proc"),
    # pynetdicom drops the socket of a refused connection without closing it.
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]
IDLE_S = 5
NEGOTIATION_S = 30
STRANGER, BYSTANDER = "127.0.0.1", "127.0.0.2"  # limits may be per address


@dataclass
class Rest:
    """The receiver when nobody is connected."""

    node: ServedNode
    pid: int
    descriptors: int = 0
    threads: int = 0

    def look(self) -> tuple[int, int]:
        threads = len(list(Path(f"/proc/{self.pid}/task").iterdir()))
        return len(self.open_files), threads

    def wait_until_back(self) -> None:
        """Return when nothing is held any more that was not held at rest."""
        try:
            wait_until(self._is_back, NEGOTIATION_S + 15)
        except AssertionError:
            pytest.fail(f"still held: {self.look()}: {self.open_files}")
        assert self.parts == []

    @property
    def open_files(self) -> list[str]:
        """What it holds open, but for the database, whose pool has its own bounds."""
        found = []
        for entry in Path(f"/proc/{self.pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                found.append(str(entry.readlink()))
        return [name for name in found if "/node.db" not in name]

    def _is_back(self) -> bool:
        descriptors, threads = self.look()
        return descriptors <= self.descriptors and threads <= self.threads

    @property
    def port(self) -> int:
        return self.node.settings.receive.port

    @property
    def parts(self) -> list[Path]:
        return list((self.node.settings.store_folder / ".parts").iterdir())

    @property
    def stored(self) -> set[Path]:
        """Every file of the data folder that could be an image."""
        folder = self.node.settings.node.data_folder.parent
        return {path for path in folder.rglob("*") if path.is_file() and "received" in path.parts}

    @property
    def complaints(self) -> list[str]:
        """Lines of the log in which reception says that something was wrong."""
        lines = [line.split(maxsplit=3) for line in self.node.said.splitlines()]
        return [
            " ".join(line)
            for line in lines
            if line[1:2] in (["warning"], ["error"], ["critical"])
            and line[2].startswith(("net.", "intake.", "receiver", "python"))
        ]


@pytest.fixture(scope="module")
def rest(tmp_path_factory) -> Iterator[Rest]:
    """A node that ends silent associations soon, warm and at rest."""
    folder = tmp_path_factory.mktemp("node")
    # Nothing settles: only reception is looked at.
    toml = node_toml(folder, port=free_port())
    settings = f"settle_after_s = 3600\nidle_timeout_s = {IDLE_S}"
    with serving(folder, toml.replace("settle_after_s = 1", settings)) as node:
        found = Rest(node, node.pid_of("receiver-1"))
        for _ in range(3):
            with bystander(found):
                pass
        with Wire(found.port) as wire:
            wire.associate(CONTEXTS)
            wire.send(pdus.abort())
        found.descriptors, found.threads = wait_until(lambda: steady(found))
        yield found


def steady(rest: Rest) -> tuple[int, int] | None:
    """What the receiver holds, once it has not changed for a while."""
    first = rest.look()
    until = time.monotonic() + 1.0
    while time.monotonic() < until:
        if rest.look() != first:
            return None
    return first


@pytest.fixture(autouse=True)
def nobody_notices(rest) -> Iterator[None]:
    """Around every case: another peer works on, and the log stays short and clean."""
    rest.wait_until_back()  # what the case before is complained of is not counted as this one's
    with bystander(rest):
        yield
    assert CANARY not in rest.node.said
    assert rest.node.pid_of("receiver-1") == rest.pid, "the receiver died"
    assert "Traceback" not in rest.node.said


@contextmanager
def bystander(rest: Rest) -> Iterator[None]:
    """Another peer, on an association of its own: it echoes before, and echoes and stores after."""
    with Wire(rest.port, source=BYSTANDER) as wire:
        wire.associate(CONTEXTS, calling="BYSTANDER")
        echo(wire)
        wire.release()
    yield
    with Wire(rest.port, source=BYSTANDER) as wire:
        wire.associate(CONTEXTS, calling="BYSTANDER")
        echo(wire)
        uid, encoded = an_instance()
        assert wire.store(store_rq(CT_IMAGE, uid), encoded).status == 0
        wire.release()


def echo(wire: Wire) -> None:
    wire.send(p_data(pdv(3, COMMAND | LAST, echo_rq())))
    answer = wire.read()
    assert name_of(answer) == "0x0000"


def outcome(wire: Wire) -> str:
    """The end that the receiver puts to it, or the status that it answers."""
    try:
        answer = wire.read()
    except Closed:
        return "closed"
    except TimeoutError:
        return "silence"
    return name_of(answer)


def name_of(answer: Pdu) -> str:
    if answer.kind == P_DATA:
        return f"0x{answer.status:04X}"
    return {ABORT: "abort", ASSOCIATE_RJ: "reject"}.get(answer.kind, f"PDU {answer.kind}")


@pytest.mark.parametrize("case", BEFORE, ids=lambda case: case.name)
def test_before_an_association(rest, case: Case):
    complaints = len(rest.complaints)
    with Wire(rest.port) as wire:
        send(wire, case.parts())

        assert outcome(wire) in case.ends
    assert len(rest.complaints) <= complaints + 1


@pytest.mark.parametrize("case", IN_ASSOCIATION, ids=lambda case: case.name)
def test_on_an_association(rest, case: Case):
    before, complaints = rest.stored, len(rest.complaints)
    with Wire(rest.port) as wire:
        wire.associate(CONTEXTS)
        begun = time.monotonic()
        send(wire, case.parts())

        end = outcome(wire)

        assert end in case.ends
        assert time.monotonic() - begun < IDLE_S - 1, "it answered only when it was tired of it"
        if end.startswith("0x"):
            wire.send(pdus.release_rq())  # whatever was refused, the association may end well
        if end != "0x0000":
            assert rest.stored == before
    assert len(rest.complaints) <= complaints + 1


def send(wire: Wire, parts: Sequence[bytes]) -> None:
    """Send as far as the receiver takes it; what it thinks of it is read afterwards."""
    with suppress(Closed):
        wire.send(*parts)


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param(lambda: half([associate_rq(CONTEXTS)]), id="in the request"),
        pytest.param(lambda: [b"\x01"], id="in its first header"),
    ],
)
def test_a_connection_lost_before_there_is_an_association(rest, parts):
    with Wire(rest.port) as wire:
        wire.send(*parts())


@pytest.mark.parametrize(
    "goodbye", [b"", pdus.abort(), pdus.abort(2, 6)], ids=["lost", "abort", "provider"]
)
@pytest.mark.parametrize(
    "parts",
    [
        pytest.param(open_command, id="in the command"),
        pytest.param(
            lambda: fragments(1, COMMAND, store_rq(CT_IMAGE, "1.2.3")), id="before the data"
        ),
        pytest.param(lambda: store(size=512)[:-1], id="before the last fragment"),
    ],
)
def test_an_end_in_the_middle_of_a_message_leaves_nothing(rest, parts, goodbye):
    before = rest.stored
    with Wire(rest.port) as wire:
        wire.associate(CONTEXTS)
        wire.send(*parts(), goodbye)
        if goodbye:
            assert outcome(wire) == "closed"
    rest.wait_until_back()
    assert rest.stored == before


def test_a_message_cut_inside_a_pdu_leaves_nothing(rest):
    before = rest.stored
    with Wire(rest.port) as wire:
        wire.associate(CONTEXTS)
        wire.send(*half(store()))
    rest.wait_until_back()
    assert rest.stored == before


def test_a_slow_sender_is_served_and_holds_nobody_up(rest):
    uid, encoded = an_instance()
    whole = b"".join(message(store_rq(CT_IMAGE, uid), encoded))
    with Wire(rest.port) as wire, Wire(rest.port, source=BYSTANDER) as other:
        wire.associate(CONTEXTS)
        other.associate(CONTEXTS)
        for at in range(0, len(whole), 400):
            wire.send(whole[at : at + 400])
            echo(other)
        assert wire.read().status == 0
        wire.release()
        other.release()


def test_silent_associations_are_ended(rest):
    with ExitStack() as open_wires:
        wires = [open_wires.enter_context(Wire(rest.port)) for _ in range(3)]
        for wire in wires:
            wire.associate(CONTEXTS)
        wires[1].send(*open_command())
        wires[2].send(*half(store()))
        begun = time.monotonic()

        assert {outcome(wire) for wire in wires} <= CUT

        assert IDLE_S - 1 < time.monotonic() - begun < IDLE_S + 10


@pytest.mark.timeout(120)
def test_connections_that_never_ask_are_ended(rest):
    with ExitStack() as open_wires:
        wires = [
            open_wires.enter_context(Wire(rest.port, timeout_s=NEGOTIATION_S + 15))
            for _ in range(3)
        ]
        wires[1].send(b"\x01\x00")
        wires[2].send(*half([associate_rq(CONTEXTS)]))

        assert {outcome(wire) for wire in wires} <= CUT


@pytest.mark.timeout(180)
def test_a_thousand_connections_do_not_keep_another_peer_out(rest):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(4096, hard)), hard))
    try:
        with ExitStack() as open_wires, Wire(rest.port, source=BYSTANDER) as early:
            early.associate(CONTEXTS, calling="BYSTANDER")
            for number in range(1000):
                open_wires.enter_context(Wire(rest.port, source=STRANGER))
                if number % 20 == 0:
                    echo(early)
            begun = time.monotonic()
            echo(early)
            with bystander(rest):
                echo(early)
            assert time.monotonic() - begun < 10
            early.release()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_more_associations_than_allowed_are_rejected_for_now(rest):
    most = rest.node.settings.receive.max_associations
    with ExitStack() as open_wires:
        ends = []
        for _ in range(most + 8):
            wire = open_wires.enter_context(Wire(rest.port))
            wire.send(associate_rq(CONTEXTS))
            ends.append(wire)
        answers = [name_of(wire.read()) for wire in ends]
        assert answers.count("reject") >= 8
        assert answers.count(f"PDU {pdus.ASSOCIATE_AC}") > 0
        for wire in ends:
            send(wire, [pdus.abort()])


def test_nothing_is_left_of_any_of_them(rest):
    rest.wait_until_back()
