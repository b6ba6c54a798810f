"""Items for the index travel as JSON and come out as they went in."""

from datetime import UTC, datetime

import pytest

from dicom_node.intake.arrival import Arrival, AssociationEnd, Rescan, SignOfLife, Tally
from dicom_node.intake.duplicate import Verdict
from dicom_node.intake.header import scan_buffer
from dicom_node.intake.letter import (
    Receipt,
    read_item,
    read_letter,
    read_receipt,
    write_item,
    write_letter,
    write_receipt,
)
from dicom_node.net.incoming import Rejection
from tests.builders import a_series
from tests.receiving import an_association, incoming


def an_arrival():
    request = incoming(a_series(slices=1)[0])
    header = scan_buffer(memoryview(request.encoded), request.transfer_syntax_uid)
    return Arrival(
        an_association(), header, "received/1/2/3.dcm", 700, request.transfer_syntax_uid,
        Verdict.CORRECTION, datetime.now(UTC),
    )  # fmt: skip


def an_end():
    tally = Tally(stored=3)
    tally.held["1.2"] += 2
    tally.refused["1.3"][0xA700] += 1
    return AssociationEnd(an_association(), "aborted", tally, datetime.now(UTC))


@pytest.mark.parametrize(
    "item",
    [
        an_arrival(),
        an_end(),
        Rejection("A", "B", "::1", "no peer"),
        SignOfLife(["a", "b"]),
        Rescan(),
    ],
    ids=lambda item: type(item).__name__,
)
def test_an_item_comes_out_as_it_went_in(item):
    assert item == read_item(*write_item(item))


def test_a_letter_and_its_receipt_come_out_as_they_went_in():
    items = [write_item(an_arrival()), write_item(Rescan())]

    letter = read_letter(write_letter("life", 7, items))

    assert ("life", 7, items) == (letter.life, letter.last, letter.items)
    assert Receipt("life", 7) == read_receipt(write_receipt(Receipt("life", 7)))
