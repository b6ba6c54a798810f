"""P-DATA-TF PDUs read into a buffer that is there already (PS3.8 9.3.5, annex E).

A PDU has a header of 6 bytes; that of a P-DATA-TF is followed by one or more presentation data
value (PDV) items. Numbers are big endian::

    PDU   0        1          2            6
          | type   | reserved | length     | items, `length` bytes in all ...
          | 04H    |          | (4 bytes)  |

    item  0              4            5           6
          | item length  | context id | control   | fragment of a command or data set ...
          | (4 bytes)    | odd        | header    | `item length` - 2 bytes

The control header's bit 0 says that the fragment is of a command, bit 1 that it is the last one.
A message is the fragments of one command set, then, where the command says so, those of one data
set, all under one context id.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dicom_node.net.errors import PeerGone, ProtocolViolated

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dicom_node.net.wire import Wire

PDU_HEADER = struct.Struct(">BxL")
ITEM_HEADER = struct.Struct(">LBB")
A_ASSOCIATE_RQ, P_DATA_TF, A_ABORT = 0x01, 0x04, 0x07
IS_COMMAND, IS_LAST = 0x01, 0x02
# Above what was negotiated: some peers do not count the item's own header (PS3.8 D.1).
GRACE_BYTES = 64
LONGEST_COMMAND = 65_536
# A-ASSOCIATE with 128 presentation contexts of many transfer syntaxes; the others are 4 bytes.
LONGEST_OTHER = 1 << 20
KNOWN_TYPES = range(0x01, 0x08)
LYING_PDU = "a PDU lies about its items"


@dataclass(frozen=True, slots=True)
class Fragment:
    """One item of a PDU that has been read."""

    context_id: int
    control: int
    value: memoryview


class PduReader:
    """Reads PDUs from a wire, one after another, each of bounded size.

    Parameters
    ----------
    longest : int
        The Maximum Length that was announced to the peer (PS3.8 D.1).
    when_read : callable
        Told the size of each PDU when it has been read; it may take its time.
    """

    def __init__(self, wire: Wire, longest: int, when_read: Callable[[int], None]) -> None:
        self._wire = wire
        self._when_read = when_read
        self._longest = longest + GRACE_BYTES
        self._head = bytearray(PDU_HEADER.size)
        self._head_view = memoryview(self._head)
        self._item = bytearray(ITEM_HEADER.size)
        self._item_view = memoryview(self._item)

    def read_pdu(self) -> bytearray:
        """The next PDU, whole.

        Raises
        ------
        ProtocolViolated
            Its type is none, or it is longer than it may be.
        PeerSilent, PeerGone
        """
        return self._read_body(self._read_header()[1])

    def read_data_pdu(self) -> bytearray:
        """The next PDU, which must be of data: a message has begun.

        Raises
        ------
        ProtocolViolated, PeerSilent, PeerGone
        """
        return self._read_body(self._read_data_header())

    def read_data_set(
        self,
        context_id: int,
        begun: Sequence[Fragment],
        buffer: memoryview,
        spill: Callable[[memoryview], None],
    ) -> memoryview:
        """The last part of a data set, in `buffer`; each buffer full before it went to `spill`.

        The fragments come straight from the wire to their place.

        Parameters
        ----------
        context_id : int
            That of the command before it.
        begun : sequence of Fragment
            What came in the command's own PDU behind the command; mostly nothing.

        Raises
        ------
        ProtocolViolated
            Another PDU, another context or another command comes within the data set.
        PeerSilent, PeerGone
        """
        at, is_last = 0, False
        for fragment in begun:
            _check(fragment.context_id, fragment.control, context_id, is_done=is_last)
            buffer[at : at + len(fragment.value)] = fragment.value
            at, is_last = at + len(fragment.value), bool(fragment.control & IS_LAST)
        while not is_last:
            left = whole = self._read_data_header()
            while left:
                length, control = self._read_item(left, context_id, is_done=is_last)
                left, is_last = left - ITEM_HEADER.size - length, bool(control & IS_LAST)
                while length:
                    if at == len(buffer):
                        spill(buffer)
                        at = 0
                    piece = min(length, len(buffer) - at)
                    self._wire.fill(buffer[at : at + piece])
                    at, length = at + piece, length - piece
            self._when_read(whole)
        return buffer[:at]

    def _read_item(self, left: int, context_id: int, *, is_done: bool) -> tuple[int, int]:
        """Size of the next item's fragment, and its control header."""
        if left < ITEM_HEADER.size:
            raise ProtocolViolated(LYING_PDU)
        self._wire.fill(self._item_view)
        length, context, control = ITEM_HEADER.unpack(self._item)
        if not 2 <= length <= left - 4:
            raise ProtocolViolated(LYING_PDU)
        _check(context, control, context_id, is_done=is_done)
        return length - 2, control

    def _read_data_header(self) -> int:
        """Length of the next PDU, which must be of data."""
        kind, length = self._read_header()
        if kind == A_ABORT:
            raise PeerGone("the peer aborted within a message")
        if kind != P_DATA_TF:
            raise ProtocolViolated("another PDU came within a message")
        return length

    def _read_body(self, length: int) -> bytearray:
        pdu = bytearray(PDU_HEADER.size + length)
        pdu[: PDU_HEADER.size] = self._head
        if length:
            self._wire.fill(memoryview(pdu)[PDU_HEADER.size :])
        self._when_read(len(pdu))
        return pdu

    def _read_header(self) -> tuple[int, int]:
        self._wire.hurry()
        self._wire.fill(self._head_view)
        kind, length = PDU_HEADER.unpack(self._head)
        if kind not in KNOWN_TYPES:
            raise ProtocolViolated("what came is no PDU")
        if length > (self._longest if kind == P_DATA_TF else LONGEST_OTHER):
            raise ProtocolViolated("a PDU is longer than was agreed")
        return kind, length


def fragments_of(pdu: bytearray) -> list[Fragment]:
    """The items of a whole P-DATA-TF PDU.

    Raises
    ------
    ProtocolViolated
        An item's length lies, or there is no item.
    """
    found: list[Fragment] = []
    view, at = memoryview(pdu), PDU_HEADER.size
    while at < len(pdu):
        if at + ITEM_HEADER.size > len(pdu):
            raise ProtocolViolated(LYING_PDU)
        length, context_id, control = ITEM_HEADER.unpack_from(pdu, at)
        end = at + 4 + length
        if length < 2 or end > len(pdu):
            raise ProtocolViolated(LYING_PDU)
        found.append(Fragment(context_id, control, view[at + ITEM_HEADER.size : end]))
        at = end
    if not found:
        raise ProtocolViolated("a PDU of data has none")
    return found


def _check(context: int, control: int, expected: int, *, is_done: bool) -> None:
    """Raise where a fragment is none of the data set that is being read."""
    if is_done or control & IS_COMMAND or context != expected:
        raise ProtocolViolated("a fragment that is none of the data set came within it")
