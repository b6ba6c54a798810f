"""One instance on its way in: checked, on disk, and only then answered.

An answer of success means that the file and its folder are synced. What is not taken leaves
nothing on disk. A small data set is held in the caller's memory until it is whole; a large one is
written as it comes, so that an association never holds more than its buffer.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from dicom_node.intake.arrival import Arrival
from dicom_node.intake.errors import NotTaken
from dicom_node.intake.keep import Kept, keep
from dicom_node.intake.part10 import write_meta
from dicom_node.intake.sent import Held, Sent, Spilled
from dicom_node.intake.uid import is_uid
from dicom_node.net.incoming import Answer
from dicom_node.net.status import Status

if TYPE_CHECKING:
    from dicom_node.intake.header import Header
    from dicom_node.net.incoming import Announced
    from dicom_node.observe.health import DiskGauge
    from storage.files.store import ObjectStore

BELOW_RESERVE = "free disk space is below [receive] disk_reserve_mb"


class Register(Protocol):
    """Who is told what became of an instance, before the sender is."""

    def taken(self, arrival: Arrival) -> None:
        """It is on disk."""

    def refused(self, announced: Announced, refusal: NotTaken) -> None:
        """It is not."""


class Incoming:
    """Takes the data set of one announced instance."""

    def __init__(
        self,
        announced: Announced,
        store: ObjectStore,
        disk: DiskGauge,
        register: Register,
    ) -> None:
        self._announced = announced
        self._store = store
        self._disk = disk
        self._register = register
        self._buffer: memoryview | None = None
        self._spilled: Spilled | None = None
        self._size = 0
        self._refusal = self._refuse_at_once()
        self._meta = b"" if self._refusal else write_meta(announced)

    def room(self, buffer: memoryview) -> memoryview:
        """Room behind the file's meta, so that a small file lies in one piece."""
        if self._refusal is not None:
            return buffer
        self._buffer = buffer
        buffer[: len(self._meta)] = self._meta
        return buffer[len(self._meta) :]

    def write(self, piece: memoryview) -> None:
        """Write a piece of a large data set to a temporary file, or nothing once it is refused."""
        self._size += len(piece)
        if self._size > self._announced.most_bytes:
            self._refuse(_too_large())
        elif self._refusal is None and not self._disk.takes(len(piece)):
            self._refuse(_without_room())
        if self._refusal is not None:
            return
        try:
            if self._spilled is None:
                self._spilled = Spilled(self._meta, self._store)
            self._spilled.write(piece)
        except OSError as error:
            self._refuse(_no_room(error))

    def finish(self, rest: bytes | memoryview) -> Answer:
        """Take the last piece, or the only one; what is answered with success is on disk."""
        try:
            if self._spilled is not None or self._refusal is not None:
                self.write(memoryview(rest))
            if self._refusal is not None:
                raise self._refusal
            if self._spilled is not None:
                header, kept = self._keep(self._spilled)
            else:
                header, kept = self._keep_held(memoryview(rest))
        except NotTaken as refusal:
            self._register.refused(self._announced, refusal)
            return Answer(refusal.status, refusal.reason)
        finally:
            self.abandon()
        self._register.taken(
            Arrival(
                self._announced.association,
                header,
                kept.key,
                kept.size,
                self._announced.transfer_syntax_uid,
                kept.verdict,
                datetime.now(UTC),
            )
        )
        return Answer(Status.SUCCESS)

    def abandon(self) -> None:
        """Leave nothing of it on disk, unless it was named."""
        if self._spilled is not None:
            self._spilled.let_go()
            self._spilled = None

    def _keep_held(self, encoded: memoryview) -> tuple[Header, Kept]:
        if len(encoded) > self._announced.most_bytes:
            raise _too_large()
        held = Held(self._meta, encoded, self._store, self._buffer)
        try:
            return self._keep(held, not_written_yet=len(encoded))
        finally:
            held.let_go()

    def _keep(self, sent: Sent, not_written_yet: int = 0) -> tuple[Header, Kept]:
        header = sent.header(self._announced.transfer_syntax_uid)
        self._check(header)
        if not_written_yet and not self._disk.takes(not_written_yet):
            raise _without_room(header.study_uid)
        try:
            return header, keep(self._store, self._announced, header, sent)
        except OSError as error:
            raise _no_room(error, header.study_uid) from None

    def _refuse_at_once(self) -> NotTaken | None:
        """What the command alone is refused for."""
        if not is_uid(self._announced.sop_instance_uid):
            reason = "the command's SOP Instance UID is no UID"
            return NotTaken(reason, Status.INVALID_INSTANCE)
        if not is_uid(self._announced.sop_class_uid):
            return NotTaken("the command's SOP Class UID is no UID", Status.NO_SUCH_CLASS)
        if self._announced.sop_class_uid != self._announced.context_class_uid:
            reason = "the command's SOP Class is not that of its presentation context"
            return NotTaken(reason, Status.DOES_NOT_MATCH)
        return None if self._disk.takes(0) else _without_room()

    def _refuse(self, refusal: NotTaken) -> None:
        self._refusal = self._refusal or refusal
        self.abandon()

    def _check(self, header: Header) -> None:
        if header.sop_uid != self._announced.sop_instance_uid:
            reason = "command and data set name different SOP Instances"
            raise NotTaken(reason, Status.DOES_NOT_MATCH, header.study_uid)
        if header.sop_class_uid != self._announced.sop_class_uid:
            reason = "command and data set name different SOP Classes"
            raise NotTaken(reason, Status.DOES_NOT_MATCH, header.study_uid)


def _too_large() -> NotTaken:
    return NotTaken("it is larger than max_object_mb allows", Status.TOO_LARGE)


def _without_room(study_uid: str = "") -> NotTaken:
    return NotTaken(BELOW_RESERVE, Status.OUT_OF_RESOURCES, study_uid)


def _no_room(error: OSError, study_uid: str = "") -> NotTaken:
    reason = f"the store took nothing: {error.strerror}"
    return NotTaken(reason, Status.OUT_OF_RESOURCES, study_uid)
