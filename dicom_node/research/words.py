"""Descriptions reduced to words that are known to name no one (PS3.15 E.3.5)."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_PARTS = re.compile(r"[A-Za-z0-9]+")
# A technical figure has its unit; a bare number may be a date, an age or a record's number.
_FIGURE = re.compile(r"\d{1,4}(mm|cm|kv|kvp|ma|mas|ms|sec|s|min|hz|hu)")


def known_words(text: str) -> str:
    """The words of `text` that the shipped list has, in their order; empty where there is none."""
    return " ".join(part for part in _PARTS.findall(text) if is_known(part.lower()))


def is_known(word: str) -> bool:
    """Whether the word, in small letters, is of the shipped list, or a figure with its unit."""
    return word in _list() or bool(_FIGURE.fullmatch(word))


@cache
def _list() -> frozenset[str]:
    text = files(__package__).joinpath("words.txt").read_text("ascii")
    lines = (line.partition("#")[0] for line in text.splitlines())
    return frozenset(word for line in lines for word in line.split())
