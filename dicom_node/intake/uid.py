"""What counts as a UID here, before it may name a file (PS3.5 section 9)."""

from __future__ import annotations

LONGEST = 64
_ALLOWED = frozenset("0123456789.")


def is_uid(value: str) -> bool:
    """Tell whether `value` is 1 to 64 digits and dots with no empty component.

    Leading zeros are let through: real devices write them, and they are safe in a path.
    """
    return 0 < len(value) <= LONGEST and _ALLOWED.issuperset(value) and "" not in value.split(".")
