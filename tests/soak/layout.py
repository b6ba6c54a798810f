"""How many bytes each part of a storescu's dialogue has, learned from one that is listened to.

storescu and the node are deterministic where lengths are concerned: with UIDs of one length, every
association request, every message of a kind and every answer is as long as the last one.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.pdus import P_DATA, Closed, Pdu, Wire, pdu, values_in
from tests.soak.images import Sent
from tests.soak.senders import start_sender


@dataclass(frozen=True, slots=True)
class Message:
    """Bytes on the wire of one C-STORE request, PDU and PDV headers included."""

    command: int
    data: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Bytes on the wire: the association's opening, a message of each kind, a response."""

    request: int
    accept: int
    messages: dict[str, Message]
    response: int


def learn(port: int, images: Sequence[Sent], log: Path) -> Layout:
    """The layout, from one association that sends `images`, one of each kind."""
    with socket.create_server(("127.0.0.1", 0)) as between:
        sender = start_sender(between.getsockname()[1], images, log)
        asking = Ear(between.accept()[0])
    with asking.wire, Wire(port) as answering_wire:
        answering = Ear(answering_wire.socket)
        back = threading.Thread(target=answering.pass_on, args=(asking.wire,))
        back.start()
        asking.pass_on(answering_wire.socket)
        back.join()
    assert len(sender.acknowledged()) == len(images)
    return Layout(
        len(asking.others[0]),
        len(answering.others[0]),
        {
            image.kind: Message(*lengths)
            for image, lengths in zip(images, asking.messages(), strict=True)
        },
        len(answering.values[0][0]),
    )


@dataclass
class Ear:
    """One direction of a dialogue: passes PDUs on and keeps what it heard."""

    wire: socket.socket
    others: list[bytes] = field(default_factory=list)
    values: list[tuple[bytes, Pdu]] = field(default_factory=list)

    def pass_on(self, to: socket.socket) -> None:
        """Hear every PDU until the speaker closes."""
        speaker = Wire.over(self.wire)
        try:
            while True:
                heard = speaker.read()
                raw = pdu(heard.kind, heard.body)
                if heard.kind == P_DATA:
                    self.values.append((raw, heard))
                else:
                    self.others.append(raw)
                to.sendall(raw)
        except (Closed, OSError):
            pass

    def messages(self) -> list[tuple[int, int]]:
        """Bytes of command and data set of each message."""
        found: list[list[int]] = []
        for raw, heard in self.values:
            is_command = values_in(heard.body)[0].is_command
            if is_command:
                found.append([len(raw), 0])
            else:
                found[-1][1] += len(raw)
        return [(command, data) for command, data in found]
