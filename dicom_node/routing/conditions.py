"""A match block as written, turned into conditions; every word of it is checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicom_node.routing.attributes import all_attributes, is_attribute, kind_of, nearest
from dicom_node.routing.match import (
    AllOf,
    Block,
    Kind,
    Not,
    OneOf,
    Present,
    Range,
    Wanted,
    amount,
    digits_of,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from dicom_node.routing.yaml_lines import Tree

_LIKE = {"number": "numbers", "age": "ages such as 018Y or 006M"}
WORDS = ("at_least", "at_most", "not", "present")


class Misworded(ValueError):
    """A condition cannot be understood; the text says why."""


def read_block(block: Mapping[str, Tree], attributes: Collection[str] | None) -> Block:
    """Conditions in the order written.

    Parameters
    ----------
    block : mapping of str to text, list or map
    attributes : collection of str, optional
        The attributes that headers carry; None: every one of the data dictionary.

    Raises
    ------
    Misworded
    """
    return tuple((name, _read(name, wanted, attributes)) for name, wanted in block.items())


def mistakes_in(attribute: str, wanted: Tree, attributes: Collection[str] | None) -> list[str]:
    """Every mistake in one condition: those of its parts, or else the one of the whole."""
    try:
        _read(attribute, wanted, attributes)
    except Misworded as error:
        found = [
            mistake
            for part in _parts(wanted)
            for mistake in mistakes_in(attribute, part, attributes)
        ]
        return list(dict.fromkeys(found)) or [str(error)]
    return []


def _parts(wanted: Tree) -> list[Tree]:
    """What can be wrong by itself in a condition; nothing where it is one word or value."""
    if isinstance(wanted, list):
        return [[value] for value in wanted] if len(wanted) > 1 else []
    if not isinstance(wanted, dict):
        return []
    if list(wanted) == ["not"]:
        return [wanted["not"]]
    return [{word: value} for word, value in wanted.items()] if len(wanted) > 1 else []


def _read(attribute: str, wanted: Tree, attributes: Collection[str] | None) -> Wanted:
    if not is_attribute(attribute):
        known = all_attributes() if attributes is None else attributes
        raise Misworded(f"no attribute is called {attribute}{nearest(attribute, known)}")
    if attributes is not None and attribute not in attributes:
        raise Misworded(f"{attribute} is not kept for rules; docs/rules.md lists those that are")
    kind = kind_of(attribute)
    if kind is None:
        raise Misworded(f"{attribute} holds no values that can be compared")
    return _word(attribute, wanted, kind)


def _word(attribute: str, wanted: Tree, kind: Kind) -> Wanted:
    if isinstance(wanted, dict):
        return _words(attribute, wanted, kind)
    values = wanted if isinstance(wanted, list) else [wanted]
    if not values:
        raise Misworded(f"{attribute}: the list of values is empty")
    return OneOf(tuple(_value(attribute, value, kind) for value in values), kind)


def _words(attribute: str, wanted: dict[str, Tree], kind: Kind) -> Wanted:
    for word in wanted:
        if word not in WORDS:
            hint = nearest(word, WORDS) or f" ({', '.join(WORDS)})"
            raise Misworded(f"{attribute}: no such word: {word}{hint}")
    words: list[Wanted] = []
    if "present" in wanted:
        words.append(Present(_truth(attribute, wanted["present"])))
    if "at_least" in wanted or "at_most" in wanted:
        words.append(_range(attribute, wanted, kind))
    if "not" in wanted:
        words.append(Not(_word(attribute, wanted["not"], kind)))
    if not words:
        raise Misworded(f"{attribute}: wants nothing ({', '.join(WORDS)})")
    return words[0] if len(words) == 1 else AllOf(tuple(words))


def _range(attribute: str, wanted: dict[str, Tree], kind: Kind) -> Range:
    if kind in ("text", "name"):
        raise Misworded(f"{attribute} holds text: at_least and at_most are for numbers and dates")
    low = _value(attribute, wanted["at_least"], kind) if "at_least" in wanted else None
    high = _value(attribute, wanted["at_most"], kind) if "at_most" in wanted else None
    if low is not None and high is not None and not _in_order(low, high, kind):
        raise Misworded(f"{attribute}: nothing lies between {low} and {high}")
    return Range(low, high, kind)


def _in_order(low: str, high: str, kind: Kind) -> bool:
    if kind == "time":
        shared = min(len(digits_of(low)), len(digits_of(high)))
        return digits_of(low)[:shared] <= digits_of(high)[:shared]
    first, last = amount(kind, low), amount(kind, high)
    return first is not None and last is not None and first <= last


def _value(attribute: str, written: Tree, kind: Kind) -> str:
    if not isinstance(written, str):
        raise Misworded(f"{attribute}: one value is wanted here, not a list or a map")
    value = written.strip()
    if not value:
        raise Misworded(f"{attribute}: the value is empty; write present: false for that")
    if "\\" in value:
        raise Misworded(f"{attribute}: no value holds a backslash; write a list instead")
    if kind == "time" and not digits_of(value).replace(".", "", 1).isdigit():
        raise Misworded(f"{attribute} holds dates or times such as 20260131, and {value} is none")
    if kind in _LIKE and amount(kind, value) is None:
        raise Misworded(f"{attribute} holds {_LIKE[kind]}, and {value} is none")
    return value


def _truth(attribute: str, value: Tree) -> bool:
    if value not in ("true", "false"):
        raise Misworded(f"{attribute}: present is true or false")
    return value == "true"
