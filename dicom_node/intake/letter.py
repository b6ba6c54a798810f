"""Items for the index as JSON, as they travel from a receiver to the indexer.

A letter has the life of the receiver that wrote it, the number of its last item, and the items. The
indexer answers with the life and the number of what is written: those the receiver may forget.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from dicom_node.intake.arrival import Arrival, AssociationEnd, Item, Rescan, SignOfLife
from dicom_node.net.incoming import Rejection

if TYPE_CHECKING:
    from collections.abc import Sequence

_KINDS: dict[str, type[Item]] = {
    kind.__name__: kind for kind in (Arrival, AssociationEnd, Rejection, SignOfLife, Rescan)
}


@dataclass(frozen=True, slots=True)
class Letter:
    """Some items on their way: each the name of its kind and itself as JSON text."""

    life: str
    last: int
    items: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Receipt:
    """Everything of this life up to this number is written; an empty life asks for all again."""

    life: str
    last: int


def get_ready() -> None:
    """Make what writes and reads, which takes a while, before somebody waits for it."""
    for kind in _KINDS:
        _adapter(kind)
    _letter()
    _receipt()


def write_item(item: Item) -> tuple[str, str]:
    """An item as a letter holds it."""
    kind = type(item).__name__
    return kind, _adapter(kind).dump_json(item).decode()


def read_item(kind: str, text: str) -> Item:
    """The item of `write_item`."""
    return _adapter(kind).validate_json(text)


def write_letter(life: str, last: int, items: Sequence[tuple[str, str]]) -> bytes:
    """A letter as it travels."""
    return _letter().dump_json(Letter(life, last, list(items)))


def read_letter(sent: bytes) -> Letter:
    """The letter of `write_letter`."""
    return _letter().validate_json(sent)


def write_receipt(receipt: Receipt) -> bytes:
    """A receipt as it travels."""
    return _receipt().dump_json(receipt)


def read_receipt(sent: bytes) -> Receipt:
    """The receipt of `write_receipt`."""
    return _receipt().validate_json(sent)


@lru_cache
def _adapter(kind: str) -> TypeAdapter[Item]:
    return TypeAdapter(_KINDS[kind])


@lru_cache
def _letter() -> TypeAdapter[Letter]:
    return TypeAdapter(Letter)


@lru_cache
def _receipt() -> TypeAdapter[Receipt]:
    return TypeAdapter(Receipt)
