"""The indexer's end of the links: letters in, rows written, receipts out."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from pydantic import ValidationError

from dicom_node.intake.letter import Receipt, read_item, read_letter, write_receipt
from dicom_node.observe.logging import get_log

if TYPE_CHECKING:
    import socket

    from dicom_node.intake.indexer import Indexer

log = get_log(__name__)

LONGEST_LETTER = 1 << 20


class IndexOffice(threading.Thread):
    """Takes one receiver's letters to the index, and sends back a receipt for each."""

    def __init__(self, link: socket.socket, indexer: Indexer) -> None:
        super().__init__(name="index-office", daemon=True)
        self._link = link
        self._indexer = indexer

    def run(self) -> None:
        """Ask for whatever an earlier indexer left unwritten, then take letters for ever."""
        self._answer(Receipt("", 0))
        while True:
            try:
                letter = read_letter(self._link.recv(LONGEST_LETTER))
                items = [read_item(kind, text) for kind, text in letter.items]
            except (ValidationError, KeyError):
                # Only another version of this program writes what this one cannot read.
                log.error("a letter from a receiver cannot be read; files are looked for instead")  # noqa: TRY400 - the text would quote it
                self._indexer.rescan()
                continue
            for item in items:
                self._indexer.put(item)
            receipt = Receipt(letter.life, letter.last)
            self._indexer.when_written(lambda receipt=receipt: self._answer(receipt))  # type: ignore[misc]

    def _answer(self, receipt: Receipt) -> None:
        try:
            self._link.send(write_receipt(receipt))
        except OSError as error:  # the supervisor is gone, and so is this process in a moment
            log.warning("a receiver got no receipt", error=error)
