"""Where in its dialogue an association was when the receiver stood still."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tests.soak.images import Sent
from tests.soak.layout import Layout
from tests.soak.stopped import Connection, Part


class Place(StrEnum):
    """The places, in the order in which an association comes through them."""

    NOBODY = "no association"
    NEGOTIATING = "negotiating"
    BETWEEN = "between messages: all answered"
    COMMAND = "in a message: in its command"
    QUARTER_1 = "in a message: 0-25 % of its data read"
    QUARTER_2 = "in a message: 25-50 %"
    QUARTER_3 = "in a message: 50-75 %"
    QUARTER_4 = "in a message: 75-100 %"
    READ = "data read, answer due: no file yet"
    WRITING = "data read, answer due: file partly written"
    WRITTEN = "data read, answer due: file whole"
    SYNCED = "data read, answer due: file whole, just synced"
    NAMED = "data read, answer due: file has its name"
    RELEASING = "releasing"


IN_MESSAGE = (
    Place.COMMAND, Place.QUARTER_1, Place.QUARTER_2, Place.QUARTER_3, Place.QUARTER_4,
)  # fmt: skip
ANSWER_DUE = (Place.READ, Place.WRITING, Place.WRITTEN, Place.SYNCED, Place.NAMED)
QUARTERS = IN_MESSAGE[1:]


@dataclass(frozen=True, slots=True)
class Position:
    """Where an association is, in which image, and how many bytes of its message were read."""

    place: Place
    image: Sent | None = None
    read: int = 0


def position_of(layout: Layout, images: Sequence[Sent], connection: Connection) -> Position:
    """Where the dialogue is by its bytes alone; `Place.READ` wherever its files must tell more."""
    if connection.read < layout.request or connection.sent < layout.accept:
        return Position(Place.NEGOTIATING)
    rest = connection.read - layout.request
    answered = (connection.sent - layout.accept) // layout.response
    for number, image in enumerate(images):
        message = layout.messages[image.kind]
        if rest == 0:
            return Position(Place.BETWEEN)
        if rest < message.command:
            return Position(Place.COMMAND, image, rest)
        if rest < message.command + message.data:
            read = rest - message.command
            return Position(QUARTERS[4 * read // message.data], image, read)
        rest -= message.command + message.data
        if rest == 0 and answered <= number:
            return Position(Place.READ, image, message.data)
    return Position(Place.RELEASING if rest else Place.BETWEEN)


def refine(position: Position, parts: Sequence[Part], store: Path) -> Position:
    """The same, with what the files of its image tell about an answer that is due."""
    if position.place is not Place.READ or position.image is None:
        return position
    image = position.image
    if (store / image.key).exists():
        return Position(Place.NAMED, image, position.read)
    part = next((one for one in parts if image.sop_uid.encode() in one.head), None)
    if part is None:
        return position
    place = _place_of(part, image)
    return Position(place, image, position.read)


def _place_of(part: Part, image: Sent) -> Place:
    if part.is_named:
        return Place.NAMED
    if part.size <= image.size:  # the whole has its file meta too
        return Place.WRITING
    return Place.SYNCED if part.is_syncing else Place.WRITTEN
