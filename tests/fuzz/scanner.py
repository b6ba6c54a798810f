"""Judges the header scanner by pydicom: what one reads the other reads, with the same values."""

from __future__ import annotations

import io
from collections.abc import Callable
from enum import StrEnum

from dicom_node.intake.elements import Elements
from dicom_node.intake.encoded import DEFLATED, encoding_of, read_elements
from dicom_node.intake.errors import LacksIdentity, Unreadable
from dicom_node.intake.header import WANTED, Header, header_of, scan, scan_buffer
from dicom_node.intake.layout import Doubt
from dicom_node.intake.walk import walk
from dicom_node.intake.window import InflatedWindow
from tests.fuzz.wanted import raw_of


class Way(StrEnum):
    """How a data set was read."""

    WALKED = "walked"
    ASKED = "left to pydicom"
    REFUSED = "refused"


class Disagreement(AssertionError):
    """The scanner and pydicom read the same bytes differently."""


def judge(encoded: bytes, transfer_syntax_uid: str) -> Way:
    """Read one data set by both readers and say which way it went.

    Raises
    ------
    Disagreement
        They do not agree.
    """
    walked = _walked(encoded, transfer_syntax_uid)
    told = _told_by_pydicom(encoded, transfer_syntax_uid)
    if walked is not None and walked != told:
        raise Disagreement(f"walked {_count(walked)}, pydicom {_count(told)}")
    expected = told if isinstance(told, str) else _header(lambda: header_of(told))
    found = _header(lambda: scan_buffer(memoryview(encoded), transfer_syntax_uid))
    if _text(found) != _text(expected):
        raise Disagreement(f"found {_kind(found)}, pydicom {_kind(expected)}")
    if isinstance(told, str):
        return Way.REFUSED
    return Way.ASKED if walked is None else Way.WALKED


def judge_file(encoded: bytes, transfer_syntax_uid: str) -> Way:
    """As `judge`, and that a file is read like a buffer.

    Raises
    ------
    Disagreement
        It is not.
    """
    in_memory = _header(lambda: scan_buffer(memoryview(encoded), transfer_syntax_uid))
    in_file = _header(lambda: scan(io.BytesIO(encoded), len(encoded), transfer_syntax_uid))
    if in_memory != in_file:
        raise Disagreement("a buffer and a file give different headers")
    return judge(encoded, transfer_syntax_uid)


def _walked(encoded: bytes, transfer_syntax_uid: str) -> Elements | None:
    try:
        plain = memoryview(encoded)
        buffer = InflatedWindow(plain) if transfer_syntax_uid in DEFLATED else plain
        raw = walk(buffer, transfer_syntax_uid, WANTED)
    except (Doubt, Unreadable):
        return None
    return Elements(raw, encoding_of(transfer_syntax_uid)[1])


def _told_by_pydicom(encoded: bytes, transfer_syntax_uid: str) -> Elements | str:
    """What a data set holds, straight from pydicom, or why it is none."""
    try:
        dataset = read_elements(io.BytesIO(encoded), len(encoded), transfer_syntax_uid)
    except Unreadable as refusal:
        return refusal.reason
    return Elements(raw_of(dataset, WANTED), encoding_of(transfer_syntax_uid)[1])


def _text(found: Header | str) -> Header | str:
    """Refusals count as equal where only the error that pydicom ran into differs."""
    return found.partition(":")[0] if isinstance(found, str) else found


def _header(scanned: Callable[[], Header]) -> Header | str:
    try:
        return scanned()
    except (Unreadable, LacksIdentity) as refusal:
        return refusal.reason


def _count(found: Elements | str) -> str:
    return found if isinstance(found, str) else f"{len(found.raw)} values"


def _kind(found: Header | str) -> str:
    return found if isinstance(found, str) else "a header"
