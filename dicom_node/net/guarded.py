"""An `Arriving` that never raises: the sender gets a status, whatever broke on our side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicom_node.net.incoming import Answer
from dicom_node.net.status import Status
from dicom_node.observe.logging import get_log

if TYPE_CHECKING:
    from dicom_node.net.incoming import Arriving

log = get_log(__name__)

BROKEN = Answer(Status.PROCESSING_FAILURE, "the node broke: see its log")


class Guarded:
    """Passes everything on until something breaks; from then on the answer is 0x0110."""

    def __init__(self, arriving: Arriving, association_id: str) -> None:
        self._arriving = arriving
        self._association_id = association_id
        self._is_broken = False

    def room(self, buffer: memoryview) -> memoryview:
        """Ask where the data set is to go; anywhere, once something broke."""
        try:
            return self._arriving.room(buffer)
        except Exception as error:  # noqa: BLE001 - whatever broke
            self._break(error)
            return buffer

    def write(self, piece: memoryview) -> None:
        """Pass a piece on."""
        if self._is_broken:
            return
        try:
            self._arriving.write(piece)
        except Exception as error:  # noqa: BLE001 - whatever broke
            self._break(error)

    def finish(self, rest: bytes | memoryview) -> Answer:
        """Pass the last piece on, and give the answer."""
        if self._is_broken:
            return BROKEN
        try:
            return self._arriving.finish(rest)
        except Exception as error:  # noqa: BLE001 - whatever broke
            self._break(error)
            return BROKEN

    def abandon(self) -> None:
        """Pass it on."""
        try:
            self._arriving.abandon()
        except Exception as error:  # noqa: BLE001 - whatever broke
            self._break(error)

    def _break(self, error: Exception) -> None:
        # Not log.exception: a traceback might quote the data set.
        log.error("receiving failed", association=self._association_id, error=type(error).__name__)
        self._is_broken = True
