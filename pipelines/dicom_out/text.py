"""Texts in a data set's Specific Character Set (PS3.5 section 6.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.charset import convert_encodings, decode_bytes, encode_string
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from pipelines.verbatim import element, mark_encoded, raw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom import Dataset

UTF_8 = "ISO_IR 192"
_CHARSET = Tag("SpecificCharacterSet")
_DEFAULT = "iso8859"  # pydicom's name for the default repertoire, which is ASCII alone
_GB2312_ESCAPE = "\x1b$)A"  # pydicom leaves it in texts of ISO 2022 IR 58
_LINE_ENDS = {0x0A, 0x0C, 0x0D}
_DELIMITERS = {
    "PN": _LINE_ENDS | set(b"\\^="),
    **dict.fromkeys(("LO", "SH", "UC"), _LINE_ENDS | set(b"\\")),
    **dict.fromkeys(("LT", "ST", "UT"), _LINE_ENDS),
}


def fits(text: str, dataset: Dataset) -> bool:
    """Whether `text` can be written in the data set's character set."""
    if text.isascii():
        return True
    encodings = ["ascii" if name == _DEFAULT else name for name in encodings_of(dataset)]
    try:
        return _decode(encode_string(text, encodings), encodings, "LO") == text
    except (LookupError, UnicodeError, UserWarning, ValueError):
        return False  # pydicom warns where it would write a question mark


def text_of(dataset: Dataset, keyword: str) -> str:
    """The text of an element of a verbatim copy, decoded; empty where absent."""
    tag = Tag(keyword)
    if tag not in dataset:
        return ""
    found = element(dataset, tag)
    return _decode(bytes(found.value), encodings_of(dataset), found.vr).strip(" \0")


def to_utf8(dataset: Dataset, inherited: Sequence[str] | None = None) -> Dataset:
    """The verbatim copy itself, every text in it re-encoded as ISO_IR 192.

    `inherited` is the character set that an item of a sequence has from its parent.
    """
    own = dataset.get("SpecificCharacterSet")
    encodings = encodings_of(dataset) if own or inherited is None else inherited
    for tag in list(dataset.keys()):
        item = dataset.get_item(tag)
        if item.VR == "SQ":
            for nested in dataset[tag].value:
                to_utf8(nested, encodings)
        elif (
            isinstance(item, RawDataElement) and item.VR in _DELIMITERS and _is_foreign(item.value)
        ):
            text = _decode(item.value, encodings, item.VR).rstrip(" \0")
            dataset[tag] = raw(tag, item.VR, text.encode())
    if own or inherited is None:
        dataset[_CHARSET] = raw(_CHARSET, "CS", UTF_8.encode())
    return mark_encoded(dataset)


def _is_foreign(value: bytes) -> bool:
    """Whether the bytes are other than plain ASCII, which is the same in every character set."""
    return not value.isascii() or b"\x1b" in value


def encodings_of(dataset: Dataset) -> list[str]:
    """Python's names for the data set's own Specific Character Set."""
    return list(convert_encodings(dataset.get("SpecificCharacterSet")))


def _decode(value: bytes, encodings: Sequence[str], vr: str) -> str:
    text = str(decode_bytes(value, encodings, _DELIMITERS.get(vr, _LINE_ENDS)))
    return text.replace(_GB2312_ESCAPE, "")
