"""The words of a match block, and whether a header's values meet them. Pure, standard library only.

The words are those of C-FIND matching (PS3.4 C.2.2.2): a single value, a list of values, the
wildcards ``*`` and ``?``, a range; and, beyond C-FIND, `Present`, `Not` and `AllOf`. An attribute
with several values meets a word when any one of them does. An attribute that is missing or empty
meets nothing and is never an error; `Not` turns a verdict round, that of a missing one too.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# How values of an attribute are compared; which one an attribute has follows from its VR.
Kind = Literal["text", "name", "number", "age", "time"]

_DAYS = {"D": Decimal(1), "W": Decimal(7), "M": Decimal("30.4375"), "Y": Decimal("365.25")}


@dataclass(frozen=True, slots=True)
class OneOf:
    """Any of these values; in text and names they may hold wildcards."""

    values: tuple[str, ...]
    kind: Kind = "text"


@dataclass(frozen=True, slots=True)
class Range:
    """A number, an age or a time between two bounds, each included; None leaves a side open."""

    at_least: str | None
    at_most: str | None
    kind: Kind = "number"


@dataclass(frozen=True, slots=True)
class Present:
    """The attribute has a value (or, with False, has none)."""

    wanted: bool


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of another word; it holds for a missing attribute."""

    of: Wanted


@dataclass(frozen=True, slots=True)
class AllOf:
    """Several words at once."""

    words: tuple[Wanted, ...]


Wanted = OneOf | Range | Present | Not | AllOf
Block = tuple[
    tuple[str, Wanted], ...
]  # conditions that all must hold: attribute and what is wanted


def values_of(header: Mapping[str, str | Sequence[str]], attribute: str) -> tuple[str, ...]:
    """The attribute's values without padding and without empty ones."""
    raw = header.get(attribute, ())
    values = (raw,) if isinstance(raw, str) else raw
    return tuple(stripped for value in values if (stripped := str(value).strip()))


def holds(wanted: Wanted, found: Sequence[str]) -> bool:
    """Tell whether values of an attribute meet a word."""
    match wanted:
        case Present():
            return bool(found) == wanted.wanted
        case Not():
            return not holds(wanted.of, found)
        case AllOf():
            return all(holds(word, found) for word in wanted.words)
        case OneOf():
            return any(_equals(value, one, wanted.kind) for value in found for one in wanted.values)
        case Range():
            return any(_is_within(value, wanted) for value in found)


def spell(wanted: Wanted) -> str:
    """The word as an admin would say it: ``CT or PT``, ``not LOCALIZER``, ``at least 5``."""
    match wanted:
        case Present():
            return "present" if wanted.wanted else "absent"
        case Not():
            return f"not {spell(wanted.of)}"
        case AllOf():
            return " and ".join(map(spell, wanted.words))
        case OneOf():
            return " or ".join(wanted.values)
        case Range():
            bounds = (("at least", wanted.at_least), ("at most", wanted.at_most))
            return " and ".join(f"{word} {bound}" for word, bound in bounds if bound is not None)


def matches_wildcard(pattern: str, text: str) -> bool:
    """Tell whether `text` fits `pattern`, where ``*`` is any run and ``?`` any one character.

    PS3.4 C.2.2.2.4. At a mismatch only the last star is widened by one character, so the steps are
    at most the product of both lengths; a pattern turned into a regular expression has no such
    bound.
    """
    at_pattern = at_text = 0
    star, star_text = -1, 0
    while at_text < len(text):
        wanted = pattern[at_pattern] if at_pattern < len(pattern) else ""
        if wanted == "*":
            star, star_text = at_pattern, at_text
            at_pattern += 1
        elif wanted in ("?", text[at_text]):
            at_pattern += 1
            at_text += 1
        elif star >= 0:
            star_text += 1
            at_pattern, at_text = star + 1, star_text
        else:
            return False
    return not pattern[at_pattern:].strip("*")


def amount(kind: Kind, text: str) -> Decimal | None:
    """A number, or an age in days (VR AS, ``045Y``); None when `text` is neither."""
    scale = Decimal(1)
    if kind == "age":
        scale = _DAYS.get(text[-1:], Decimal("NaN"))
        text = text[:-1]
    try:
        number = Decimal(text) * scale
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def digits_of(text: str) -> str:
    """A date or time without its separators: ``2026-01-31`` and ``20260131`` are the same."""
    return text.replace("-", "").replace(":", "")


def _equals(value: str, wanted: str, kind: Kind) -> bool:
    if kind == "text":
        return matches_wildcard(wanted, value)
    if kind == "name":  # the only VR whose case does not count (PS3.4 C.2.2.2.1)
        return matches_wildcard(wanted.casefold(), value.casefold())
    if kind == "time":
        return digits_of(value) == digits_of(wanted)
    number = amount(kind, value)
    return number is not None and number == amount(kind, wanted)


def _is_within(value: str, wanted: Range) -> bool:
    if wanted.kind == "time":
        return _is_within_time(digits_of(value), wanted)
    number = amount(wanted.kind, value)
    if number is None:
        return False
    low = amount(wanted.kind, wanted.at_least) if wanted.at_least is not None else None
    high = amount(wanted.kind, wanted.at_most) if wanted.at_most is not None else None
    return (low is None or number >= low) and (high is None or number <= high)


def _is_within_time(value: str, wanted: Range) -> bool:
    # Compared as far as the bound says: at_most 20260131 takes that whole day of a date and time.
    low, high = digits_of(wanted.at_least or ""), digits_of(wanted.at_most or "")
    if not value[:1].isdigit():
        return False
    return value[: len(low)] >= low and (not high or value[: len(high)] <= high)
