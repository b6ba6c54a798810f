"""Conversations of a sender with the receiver, PDU by PDU, most of them broken on purpose.

PS3.8 9.3 has the PDUs, PS3.7 9.3.1 and annex E the commands. Everything comes from the `Random`
that is handed in, so a seed brings a conversation back.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from random import Random

from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from tests.builders import a_series
from tests.fuzz.data_sets import grow, mutate
from tests.receiving import encode

APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
VERIFICATION = "1.2.840.10008.1.1"
STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
STORE_CONTEXTS = {1: ExplicitVRLittleEndian, 3: ImplicitVRLittleEndian}
ECHO_CONTEXT = 5
LONGEST_PDU = 16_384
PLACE = "1.2.00000000000000000000"
MADE, LARGEST_MADE, LARGEST_REAL, MOST_FRAGMENTS = 500, 8_000, 20_000, 12
COMMAND, LAST = 0x01, 0x02
PATHS = [
    "../../../../tmp/x",
    "/etc/passwd",
    "1.2/../3",
    "..",
    "1.2\0.3",
    "a" * 64,
    "1" * 300,
    "",
    ".",
]
LENGTHS = [0, 1, 2, 3, 5, 6, 0x7F, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF]


@dataclass(slots=True)
class Conversation:
    """What is sent over one connection.

    Attributes
    ----------
    pdus : list of bytes
        In their order; perhaps no PDUs at all.
    broken : list of bool
        For each whether it is as no well-behaved peer would send it.
    """

    pdus: list[bytes] = field(default_factory=list)
    broken: list[bool] = field(default_factory=list)

    def add(self, *pdus: bytes, broken: bool = False) -> None:
        """Say these next."""
        self.pdus += pdus
        self.broken += [broken] * len(pdus)


class Talker:
    """Makes conversations about these data sets.

    Parameters
    ----------
    rng : Random
    corpus : list
        Encoded data sets with their transfer syntaxes.
    """

    def __init__(self, rng: Random, corpus: list[tuple[bytes, str]]) -> None:
        self._rng = rng
        self._whole = {
            number: [one for one, syntax in corpus if syntax == wanted and len(one) < LARGEST_REAL]
            + [one for _ in range(MADE) if len(one := grow(rng, wanted)) < LARGEST_MADE]
            for number, wanted in STORE_CONTEXTS.items()
        }
        (image,) = a_series(slices=1, rows=4, columns=4, SOPInstanceUID=PLACE)
        self._images = {number: encode(image, syntax) for number, syntax in STORE_CONTEXTS.items()}

    def converse(self, messages: int) -> Conversation:
        """An association of up to so many messages, of which most are broken."""
        rng, said = self._rng, Conversation()
        if rng.random() < 0.12:
            said.add(self._break(associate_rq()), broken=True)
        else:
            said.add(associate_rq(contexts=rng.choice([(1, 3, 5), (1, 3, 5), (1,), (3, 1, 5, 7)])))
        for _ in range(rng.randint(1, messages)):
            rng.choice(self._MESSAGES)(self, said)
        if rng.random() < 0.5:
            said.add(release_rq())
        return said

    def behave(self) -> Conversation:
        """An association with one message, as any sender has it."""
        said = Conversation()
        said.add(associate_rq())
        self._good(said)
        said.add(release_rq())
        return said

    def _instance(self, context_id: int) -> tuple[str, bytes]:
        """An image that the receiver takes, under a UID of its own."""
        uid = f"1.2.{self._rng.randrange(10**19, 10**20)}"
        return uid, self._images[context_id].replace(PLACE.encode(), uid.encode())

    def _data_set(self, context_id: int) -> bytes:
        rng, encoded = self._rng, self._rng.choice(self._whole[context_id])
        syntax = STORE_CONTEXTS[context_id]
        return mutate(rng, encoded, syntax) if rng.random() < 0.5 else encoded

    def _broken_data_set(self, said: Conversation) -> None:
        context_id = self._rng.choice([1, 3])
        uid, encoded = self._instance(context_id)
        if self._rng.random() < 0.7:
            encoded = self._rng.choice(self._whole[context_id])
        encoded = mutate(self._rng, encoded, STORE_CONTEXTS[context_id])
        size = self._rng.choice([50, 700, LONGEST_PDU])
        pdus = message(context_id, store_rq(CTImageStorage, uid), encoded, size)
        self._say(said, pdus, self._rng.randint(1, len(pdus) - 1))

    def _empty_data_set(self, said: Conversation) -> None:
        self._say(said, message(1, store_rq(CTImageStorage, "1.2.3"), b""), 1)

    def _hostile_uid(self, said: Conversation) -> None:
        uid, sop_class = self._rng.choice(PATHS), self._rng.choice([CTImageStorage, *PATHS])
        self._say(said, message(1, store_rq(sop_class, uid), self._data_set(1)), 0)

    def _lying_command(self, said: Conversation) -> None:
        rng = self._rng
        command = bytearray(store_rq(CTImageStorage, "1.2.3"))
        for _ in range(rng.randint(1, 3)):
            at = rng.choice([0, 4, 8, 12, 16, 46, 50, 60, rng.randint(0, len(command) - 4)])
            command[at : at + 4] = struct.pack("<L", rng.choice(LENGTHS))
        self._say(said, message(1, bytes(command), self._data_set(1)), 0)

    def _other_command(self, said: Conversation) -> None:
        rng = self._rng
        field_ = rng.choice([0x0030, 0x0020, 0x0021, 0x0FFF, 0x8001, 0x0000, 0x0150, 0xFFFF])
        has_data = rng.random() < 0.5
        kind = rng.choice([VERIFICATION, STUDY_ROOT_FIND, CTImageStorage])
        command = command_set(kind, "1.2.3", command_field=field_, has_data_set=has_data)
        context = rng.choice([1, ECHO_CONTEXT, 7, 255])
        self._say(said, message(context, command, self._data_set(1) if has_data else None), 0)

    def _wrong_context(self, said: Conversation) -> None:
        pdus = message(1, store_rq(CTImageStorage, "1.2.3"), self._data_set(1), 700)
        other = self._rng.choice([0, 2, 3, 9, 255])
        changed = self._rng.randrange(len(pdus))
        pdus[changed] = pdus[changed][:10] + bytes([other]) + pdus[changed][11:]
        self._say(said, pdus, changed)

    def _interrupted(self, said: Conversation) -> None:
        """Another PDU in the middle of a message: an abort, a release, another association."""
        pdus = message(1, store_rq(CTImageStorage, "1.2.3"), self._data_set(1), 200)
        other = self._rng.choice(
            [abort(), release_rq(), associate_rq(), pdus[0], b"\x04\0\0\0\0\0"]
        )
        place = self._rng.randint(1, len(pdus))
        pdus.insert(place, other)
        self._say(said, pdus, place)

    def _lying_pdu(self, said: Conversation) -> None:
        pdus = message(1, store_rq(CTImageStorage, "1.2.3"), self._data_set(1), 700)
        changed = self._rng.randrange(len(pdus))
        pdus[changed] = self._break(pdus[changed])
        self._say(said, pdus, changed)

    def _crowded_pdu(self, said: Conversation) -> None:
        """Command and data set in one PDU, in items of every size, some of them empty."""
        rng = self._rng
        pieces = [(COMMAND, piece) for piece in _pieces(rng, store_rq(CTImageStorage, "1.2.3"))]
        pieces += [(0, piece) for piece in _pieces(rng, self._data_set(1)[:4000])]
        pieces[-1] = (LAST, pieces[-1][1])
        last = max(at for at, (control, _) in enumerate(pieces) if control & COMMAND)
        pieces[last] = (COMMAND | LAST, pieces[last][1])
        said.add(p_data(*(item(1, control, value) for control, value in pieces)), broken=True)

    def _noise(self, said: Conversation) -> None:
        rng = self._rng
        kind = bytes([rng.choice([0, 1, 2, 3, 4, 5, 6, 7, 8, 0x47, 0xFF])])
        length = struct.pack(">L", rng.choice([*LENGTHS, 20]))
        said.add(kind + b"\0" + length + rng.randbytes(rng.choice([0, 4, 20, 200])), broken=True)

    def _good(self, said: Conversation) -> None:
        uid, encoded = self._instance(1)
        said.add(*message(1, store_rq(CTImageStorage, uid), encoded))

    _MESSAGES = (
        _broken_data_set, _broken_data_set, _broken_data_set, _empty_data_set, _hostile_uid,
        _lying_command, _lying_command, _other_command, _wrong_context, _interrupted, _lying_pdu,
        _lying_pdu, _crowded_pdu, _noise, _good,
    )  # fmt: skip

    def _say(self, said: Conversation, pdus: list[bytes], broken: int) -> None:
        """These, of which the one with this number is the broken one."""
        said.add(*pdus[:broken])
        said.add(pdus[broken], broken=True)
        said.add(*pdus[broken + 1 :])

    def _break(self, pdu: bytes) -> bytes:
        rng, broken = self._rng, bytearray(pdu)
        for _ in range(rng.randint(1, 3)):
            fault, at = rng.randint(0, 5), rng.randint(0, min(len(broken), 400))
            if fault == 0:
                del broken[at:]
            elif fault == 1:
                broken[2:6] = struct.pack(">L", rng.choice([*LENGTHS, len(pdu), len(pdu) - 5]))
            elif fault == 2:
                broken[6:10] = struct.pack(">L", rng.choice(LENGTHS))
            elif fault == 3:
                broken[at : at + 1] = rng.randbytes(1)
            elif fault == 4:
                broken[at : at + 2] = struct.pack(">H", rng.choice(LENGTHS) & 0xFFFF)
            else:
                broken[at:at] = broken[at : at + 60]
        return bytes(broken)


def _pieces(rng: Random, whole: bytes) -> list[bytes]:
    cuts = sorted(rng.randint(0, len(whole)) for _ in range(rng.randint(0, 4)))
    return [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]


def associate_rq(contexts: tuple[int, ...] = (1, 3, 5), longest: int = LONGEST_PDU) -> bytes:
    """A-ASSOCIATE-RQ (PS3.8 9.3.2)."""
    items = _sub(0x10, APPLICATION_CONTEXT.encode())
    for number in contexts:
        syntax = STORE_CONTEXTS.get(number, ImplicitVRLittleEndian)
        kind = CTImageStorage if number in STORE_CONTEXTS else VERIFICATION
        inner = _sub(0x30, kind.encode()) + _sub(0x40, syntax.encode())
        items += _sub(0x20, bytes([number, 0, 0, 0]) + inner)
    user = _sub(0x51, struct.pack(">L", longest)) + _sub(0x52, b"1.2.3.4") + _sub(0x55, b"FUZZ")
    items += _sub(0x50, user)
    fixed = struct.pack(">HH16s16s32x", 1, 0, b"DICOM_NODE".ljust(16), b"FUZZER".ljust(16))
    return struct.pack(">BxL", 0x01, len(fixed + items)) + fixed + items


def release_rq() -> bytes:
    """A-RELEASE-RQ (PS3.8 9.3.6)."""
    return struct.pack(">BxL4x", 0x05, 4)


def abort() -> bytes:
    """A-ABORT (PS3.8 9.3.8)."""
    return struct.pack(">BxL4x", 0x07, 4)


def item(context_id: int, control: int, value: bytes) -> bytes:
    """A presentation data value item (PS3.8 9.3.5.1)."""
    return struct.pack(">LBB", len(value) + 2, context_id, control) + value


def p_data(*items: bytes) -> bytes:
    """P-DATA-TF (PS3.8 9.3.5)."""
    whole = b"".join(items)
    return struct.pack(">BxL", 0x04, len(whole)) + whole


def message(
    context_id: int, command: bytes, data_set: bytes | None, size: int = LONGEST_PDU
) -> list[bytes]:
    """The PDUs of a message, its data set in not too many fragments of `size` bytes or more."""
    pdus = [p_data(item(context_id, COMMAND | LAST, command))]
    if data_set is not None:
        size = max(size, len(data_set) // MOST_FRAGMENTS)
        starts = range(0, max(len(data_set), 1), size)
        for start in starts:
            control = LAST if start + size >= len(data_set) else 0
            pdus.append(p_data(item(context_id, control, data_set[start : start + size])))
    return pdus


def store_rq(sop_class_uid: str, sop_uid: str) -> bytes:
    """A C-STORE-RQ command set (PS3.7 table 9.3-1)."""
    return command_set(sop_class_uid, sop_uid)


def command_set(
    sop_class_uid: str, sop_uid: str, *, command_field: int = 0x0001, has_data_set: bool = True
) -> bytes:
    """A command set (PS3.7 6.3.1, E.1)."""
    elements = b"".join([
        _command_element(0x0002, _padded(sop_class_uid)),
        _command_element(0x0100, struct.pack("<H", command_field)),
        _command_element(0x0110, struct.pack("<H", 1)),
        _command_element(0x0700, struct.pack("<H", 0)),
        _command_element(0x0800, struct.pack("<H", 0x0000 if has_data_set else 0x0101)),
        _command_element(0x1000, _padded(sop_uid)),
    ])  # fmt: skip
    return _command_element(0x0000, struct.pack("<L", len(elements))) + elements


def _command_element(number: int, value: bytes) -> bytes:
    return struct.pack("<HHL", 0, number, len(value)) + value


def _padded(text: str) -> bytes:
    value = text.encode()
    return value + b"\0" * (len(value) % 2)


def _sub(kind: int, value: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(value)) + value
