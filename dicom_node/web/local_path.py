"""Where a browser may be sent: to a path of this page, made of words and row ids."""

from __future__ import annotations

import string

_ALLOWED = frozenset(string.ascii_lowercase + string.digits + "/-")


def local_path(wanted: str, otherwise: str = "/") -> str:
    """`wanted` if it is a path of this page, else `otherwise`."""
    own = wanted.startswith("/") and not wanted.startswith("//") and _ALLOWED.issuperset(wanted)
    return wanted if own else otherwise
