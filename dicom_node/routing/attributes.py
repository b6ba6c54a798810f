"""Which attributes a rule may name, how their values compare, and the word nearest to a typo."""

from __future__ import annotations

import difflib
from functools import cache
from typing import TYPE_CHECKING

from pydicom.datadict import DicomDictionary

if TYPE_CHECKING:
    from collections.abc import Collection

    from dicom_node.routing.match import Kind

# What the node itself adds to a series' header: who sent it, and whether a node made it.
PSEUDO_ATTRIBUTES = ("CallingAETitle", "CalledAETitle", "SendingHost", "OwnResult")

_NUMBERS = {"IS", "DS", "SS", "US", "SL", "UL", "SV", "UV", "FL", "FD", "US or SS"}
_TIMES = {"DA", "DT", "TM"}
_TEXTS = {"AE", "CS", "LO", "LT", "SH", "ST", "UC", "UI", "UR", "UT"}


@cache
def _vr_of_keywords() -> dict[str, str]:
    return {entry[4]: entry[0] for entry in DicomDictionary.values() if entry[4]}


def kind_of(attribute: str) -> Kind | None:
    """How values of an attribute compare (by its VR, PS3.6); None when they cannot."""
    vr = "AE" if attribute in PSEUDO_ATTRIBUTES else _vr_of_keywords().get(attribute, "")
    if vr in _NUMBERS:
        return "number"
    if vr in _TIMES:
        return "time"
    if vr in _TEXTS:
        return "text"
    return {"PN": "name", "AS": "age"}.get(vr)  # type: ignore[return-value]  # both are kinds


def is_attribute(word: str) -> bool:
    """Tell whether `word` is a keyword of the data dictionary or a pseudo-attribute."""
    return word in PSEUDO_ATTRIBUTES or word in _vr_of_keywords()


def all_attributes() -> list[str]:
    """Every attribute there is."""
    return [*PSEUDO_ATTRIBUTES, *_vr_of_keywords()]


def nearest(word: str, words: Collection[str]) -> str:
    """``; did you mean X?`` for the closest of `words`, or nothing when none is close."""
    by_folded = {known.casefold(): known for known in words}
    found = difflib.get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    return f"; did you mean {by_folded[found[0]]}?" if found else ""
