"""What a receiver tells the indexer arrives once it is written, whoever dies in between."""

import socket

import pytest

from dicom_node.intake.arrival import Rescan, SignOfLife
from dicom_node.intake.index_link import IndexLink
from dicom_node.intake.index_office import IndexOffice
from dicom_node.intake.letter import Receipt, read_item, read_letter, write_receipt
from tests.receiving import wait_until


class Book:
    """An indexer that writes in memory, when told to."""

    def __init__(self):
        self.items, self.waiting, self.rescans = [], [], 0

    def put(self, item):
        self.items.append(item)

    def when_written(self, tell):
        self.waiting.append(tell)

    def rescan(self):
        self.rescans += 1

    def write(self):
        while self.waiting:
            self.waiting.pop(0)()


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    yield ours, theirs
    ours.close()
    theirs.close()


def items_in(sent: bytes):
    return [read_item(kind, text) for kind, text in read_letter(sent).items]


def test_a_receiver_first_asks_for_a_rescan_and_then_sends_in_order(ends):
    ours, theirs = ends
    link = IndexLink(ours)
    signs = [SignOfLife([str(number)]) for number in range(500)]
    for sign in signs:
        link.put(sign)

    got = []
    while len(got) < 501:
        got += items_in(theirs.recv(1 << 20))

    assert [Rescan(), *signs] == got
    assert not link.finish(0.2), "nothing has been written yet"


def test_what_is_written_is_forgotten_and_the_rest_is_sent_again_to_a_new_indexer(ends):
    ours, theirs = ends
    link = IndexLink(ours)
    letter = read_letter(theirs.recv(1 << 20))
    theirs.send(write_receipt(Receipt(letter.life, letter.last)))
    link.put(SignOfLife(["a"]))
    lost = theirs.recv(1 << 20)  # the indexer died with it

    theirs.send(write_receipt(Receipt("", 0)))

    assert lost == theirs.recv(1 << 20)
    theirs.send(write_receipt(Receipt("another life", 99)))
    assert not link.finish(0.2)
    theirs.send(write_receipt(Receipt(letter.life, read_letter(lost).last)))
    assert link.finish(10)


def test_the_office_gives_a_receipt_only_when_the_rows_are_written(ends):
    ours, theirs = ends
    book = Book()
    link = IndexLink(ours)
    IndexOffice(theirs, book).start()
    link.put(SignOfLife(["a"]))

    wait_until(lambda: SignOfLife(["a"]) in book.items)
    assert not link.finish(0.2)
    book.write()

    assert link.finish(10)


def test_a_letter_that_cannot_be_read_makes_the_office_look_for_files(ends):
    ours, theirs = ends
    book = Book()
    IndexOffice(theirs, book).start()

    ours.send(b"from another version")

    wait_until(lambda: book.rescans == 1)


def test_an_item_that_fits_no_letter_becomes_a_rescan(ends):
    ours, theirs = ends
    link = IndexLink(ours)
    items_in(theirs.recv(1 << 20))

    link.put(SignOfLife(["x" * 100_000]))

    assert [Rescan()] == items_in(theirs.recv(1 << 20))
