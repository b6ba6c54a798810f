"""Made-up encoded data sets of every shape that the standard knows, and what is done to break them.

Everything is drawn from the `Random` that the caller gives, so the same seed gives the same bytes;
Hypothesis hands in one of its own.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from random import Random

from pydicom.datadict import dictionary_VR
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from dicom_node.intake.encoded import DEFLATED, encoding_of
from dicom_node.intake.header import WANTED
from dicom_node.intake.layout import LONG, SHORT

SYNTAXES = [
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
]
UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
CHARACTER_SET = 0x00080005
PIXEL_DATA = 0x7FE00010
OTHER_TAGS = [
    0x00020010, 0x00080000, 0x00080008, 0x00081140, 0x00081199, 0x00091001, 0x00090010, 0x00100020,
    0x00189999, 0x00204000, 0x00280008, 0x00291010, 0x00400275, 0x00409999, 0x50003000, 0x60003000,
    0x7FE00008, 0xFFFCFFFC,
]  # fmt: skip
SEQUENCE_TAGS = [0x00081140, 0x00089092, 0x00400275, 0x00091001, 0x52009230, 0x00081199]
VRS = [vr.decode() for vr in sorted(SHORT | LONG)]
TEXTS = [
    b"CT", b"1.2.840.10008.5.1.4.1.1.2\0", b"1.2.3\0", b"ORIGINAL\\PRIMARY\\AXIAL ", b"0.5\\0.5 ",
    b"Buc^J\xe9r\xf4me", b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B", b"STAT", b"12",
    b"-1e99",
    b"\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7", "Wang^XiaoDong=王^小东".encode("gb18030"),
    b" ", b"\0",
    b"dicom-node", b"\\\\\\", b"../../etc", b"1..2", b"a\0b",
]  # fmt: skip
CHARACTER_SETS = [
    b"ISO_IR 100", b"ISO_IR 192", b"\\ISO 2022 IR 87 ", b"ISO 2022 IR 13\\ISO 2022 IR 87 ",
    b"\\ISO 2022 IR 149 ", b"GB18030 ", b"\\ISO 2022 IR 58 ", b"ISO_IR 999", b"ISO-IR 100", b"utf8",
    b"\0", b"GBK\\ISO_IR 192", b"latin_1", b"rot13 ", b"hex ", b"a\0b ", b"\xff\xfe",
]  # fmt: skip
DEEPEST = 4


@dataclass(frozen=True, slots=True)
class Form:
    """How a data set or a part of it is encoded."""

    is_implicit: bool
    order: str


def grow(rng: Random, transfer_syntax_uid: str) -> bytes:
    """A data set in this transfer syntax; mostly a regular one, with an identity."""
    form = _form(transfer_syntax_uid)
    tags = set(rng.sample(sorted(WANTED), rng.randint(0, 12)))
    if rng.random() < 0.8:
        tags |= {0x00080016, 0x00080018, 0x0020000D, 0x0020000E, CHARACTER_SET}
    tags |= set(rng.sample(OTHER_TAGS, rng.randint(0, 5)))
    tags |= set(rng.sample(SEQUENCE_TAGS, rng.randint(0, 3)))
    ordered = sorted(tags)
    if rng.random() < 0.05:
        rng.shuffle(ordered)
    plain = b"".join(_element(rng, tag, form, DEEPEST) for tag in ordered)
    if rng.random() < 0.5:
        plain += _pixels(rng, form)
    if rng.random() < 0.1:
        plain += bytes(rng.choice([1, 2, 6, 8, 9, 16, 24]))
    return deflate(plain) if transfer_syntax_uid in DEFLATED else plain


def deflate(plain: bytes) -> bytes:
    """As PS3.5 A.5 has it: a raw stream."""
    engine = zlib.compressobj(1, wbits=-zlib.MAX_WBITS)
    return engine.compress(plain) + engine.flush()


def mutate(rng: Random, encoded: bytes, transfer_syntax_uid: str) -> bytes:
    """The data set with one to four things broken; a deflated one mostly beneath its deflation."""
    if transfer_syntax_uid in DEFLATED and rng.random() < 0.8:
        try:
            plain = zlib.decompress(encoded, -zlib.MAX_WBITS)
        except zlib.error:
            plain = encoded
        return deflate(break_bytes(rng, plain))
    return break_bytes(rng, encoded)


def break_bytes(rng: Random, whole: bytes) -> bytes:
    """One to four small faults, most of them where headers are: near the start, or at the end."""
    broken = bytearray(whole)
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        at = _somewhere(rng, len(broken))
        fault = rng.randint(0, 8)
        if fault == 0:
            del broken[at:]
        elif fault == 1:
            broken[at : at + 1] = bytes([rng.randint(0, 255)])
        elif fault == 2:
            broken[at : at + 4] = rng.choice(_LENGTHS)
        elif fault == 3:
            broken[at : at + 2] = rng.choice(_LENGTHS)[:2]
        elif fault == 4:
            broken[at:at] = rng.choice(_MARKS)
        elif fault == 5:
            del broken[at : at + rng.choice([1, 2, 4, 8, 100])]
        elif fault == 6:
            broken[at:at] = broken[at : at + rng.choice([8, 16, 300])]
        elif fault == 7:
            broken[at : at + 2] = rng.choice(VRS).encode()
        else:
            broken += bytes(rng.choice([1, 2, 7, 8, 12, 16]))
    return bytes(broken)


_LENGTHS = [
    b"\0\0\0\0", b"\xff\xff\xff\xff", b"\1\0\0\0", b"\0\0\0\1", b"\xfe\xff\xff\xff", b"\0\0\1\0",
    b"\x08\0\0\0", b"\xff\xff\0\0", b"\0\0\0\x80", b"AAAA",
]  # fmt: skip
_MARKS = [
    struct.pack("<HHL", tag >> 16, tag & 0xFFFF, length)
    for tag in (ITEM, ITEM_END, SEQUENCE_END)
    for length in (0, 8, UNDEFINED)
] + [b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff", b"\x09\0\1\x10UN\0\0\xff\xff\xff\xff"]


def _somewhere(rng: Random, size: int) -> int:
    place = rng.random()
    if place < 0.5:
        return rng.randint(0, min(size, 1024))
    if place < 0.7:
        return max(size - rng.randint(0, 64), 0)
    return rng.randint(0, size)


def _form(transfer_syntax_uid: str) -> Form:
    is_implicit, little = encoding_of(transfer_syntax_uid)
    return Form(is_implicit, "<" if little else ">")


def _element(rng: Random, tag: int, form: Form, deeper: int) -> bytes:
    if tag in SEQUENCE_TAGS and deeper:
        return _sequence(rng, tag, form, deeper)
    vr = _vr(rng, tag)
    if tag == CHARACTER_SET:
        value = rng.choice(CHARACTER_SETS)
    elif rng.random() < 0.02:
        value = bytes([rng.randint(0, 255)]) * rng.choice([65_535, 65_536, 65_537, 70_000])
    elif vr in ("US", "SS", "UL", "FD"):
        value = bytes(rng.randint(0, 255) for _ in range(rng.choice([0, 2, 2, 4, 8, 3])))
    else:
        value = rng.choice(TEXTS)
    return _header(tag, vr, len(value), form) + value


def _vr(rng: Random, tag: int) -> str:
    if rng.random() < 0.05:
        return rng.choice([*VRS, "ZZ", "??", "\0\0", "un"])
    try:
        return str(dictionary_VR(tag)).split(" or ")[0]
    except KeyError:
        return rng.choice(["LO", "UN", "OB", "CS"])


def _sequence(rng: Random, tag: int, form: Form, deeper: int) -> bytes:
    vr = rng.choice(["SQ", "SQ", "SQ", "UN"])
    inside = Form(True, form.order) if vr == "UN" else form
    items = b"".join(_item(rng, inside, deeper - 1) for _ in range(rng.randint(0, 3)))
    if rng.random() < 0.5 and len(items) < 0xFFFF:
        return _header(tag, vr, len(items), form) + items
    return _header(tag, vr, UNDEFINED, form) + items + _mark(SEQUENCE_END, 0, form)


def _item(rng: Random, form: Form, deeper: int) -> bytes:
    tags = sorted(rng.sample([*OTHER_TAGS, *SEQUENCE_TAGS, CHARACTER_SET], rng.randint(0, 4)))
    content = b"".join(_element(rng, tag, form, deeper) for tag in tags)
    if rng.random() < 0.5:
        return _mark(ITEM, len(content), form) + content
    return _mark(ITEM, UNDEFINED, form) + content + _mark(ITEM_END, 0, form)


def _pixels(rng: Random, form: Form) -> bytes:
    if rng.random() < 0.5:
        value = bytes(rng.choice([0, 2, 512, 70_000]))
        return _header(PIXEL_DATA, "OW", len(value), form) + value
    fragments = [b"", *(b"\xfe\xff\xdd\xe0" * rng.choice([0, 4, 20_000]) for _ in range(2))]
    items = b"".join(_mark(ITEM, len(one), form) + one for one in fragments)
    return _header(PIXEL_DATA, "OB", UNDEFINED, form) + items + _mark(SEQUENCE_END, 0, form)


def _header(tag: int, vr: str, length: int, form: Form) -> bytes:
    group, element = tag >> 16, tag & 0xFFFF
    if form.is_implicit:
        return struct.pack(form.order + "HHL", group, element, length)
    code = vr.encode()
    if code in LONG or length > 0xFFFF:
        code = code if code in LONG else b"UN"
        return struct.pack(form.order + "HH2sHL", group, element, code, 0, length)
    return struct.pack(form.order + "HH2sH", group, element, code, length)


def _mark(tag: int, length: int, form: Form) -> bytes:
    return struct.pack(form.order + "HHL", tag >> 16, tag & 0xFFFF, length)
