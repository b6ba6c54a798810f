"""Values of rows as a message can hold them: one line, legal XML, not too long, of the right kind.

Rows hold what peers and people wrote, and rows of earlier versions lack what later ones have; no
row may be a reason that those after it are not sent.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from storage.db.tables import Audit

MOST_NAME, MOST_TEXT, MOST_QUERY = 128, 1024, 8192  # octets, before they are escaped
# Control characters and line ends, which would begin another line in a log; what turns the reading
# direction round; and what XML 1.0 (2.2) has no place for.
_UNFIT = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
# dcm4che's schema takes no other UID: no leading zeros (PS3.5 9.1).
_UID = re.compile(r"[0-2](\.(0|[1-9][0-9]*))*")


def plain(text: object, most: int = MOST_NAME) -> str:
    """The text on one line, of so many octets at most.

    U+FFFD stands for each character that has no place in it.
    """
    whole = _UNFIT.sub("\N{REPLACEMENT CHARACTER}", str(text)[:most])
    return whole.encode("utf-8")[:most].decode("utf-8", "ignore")


def base64_of(text: str) -> str:
    """Base64 of the UTF-8 of a text, as AUD-04 wants details and queries."""
    return base64.b64encode(text.encode("utf-8", "replace")).decode("ascii")


def base64_or_nothing(text: str) -> str:
    """The text where it is base64 and not too long to send whole, otherwise an empty one."""
    try:
        base64.b64decode(text, validate=True)
    except ValueError:
        return ""
    return text if len(text) <= MOST_QUERY else ""


def is_uid(value: object) -> bool:
    """Whether it may stand where the schemas want a UID."""
    return isinstance(value, str) and len(value) <= 64 and bool(_UID.fullmatch(value))


def detail_of(row: Audit) -> Mapping[str, Any]:
    """The row's detail; an empty one where something else stands in its place."""
    return row.detail if isinstance(row.detail, dict) else {}


def mapping_of(detail: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The mapping under the key; an empty one where there is none."""
    found = detail.get(key)
    return found if isinstance(found, dict) else {}


def text_of(detail: Mapping[str, Any], key: str) -> str:
    """The text under the key; empty where there is none."""
    found = detail.get(key)
    return found if isinstance(found, str) else ""
