"""Coded terms that are known to be the standard's, with the meaning that it gives them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def known_meaning(scheme: str, value: str) -> str | None:
    """The meaning of a code in pydicom's copy of PS3.16, or None where it is not one of those."""
    return _meanings().get((scheme, value))


@cache
def _meanings() -> Mapping[tuple[str, str], str]:
    from pydicom.sr._concepts_dict import concepts  # noqa: PLC0415 - large, and few need it

    return {
        (scheme, value): meaning
        for scheme, terms in concepts.items()
        for variants in terms.values()
        for value, (meaning, _groups) in variants.items()
    }
