"""The standard's tables, compiled once for each SOP class (PS3.3 annex A and C)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from pydicom.datadict import tag_for_keyword

LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.7"
STRICTNESS = ("3", "2C", "2", "1C", "1")
_CONTENT = "sr-document-content"  # `pipelines.conformance.content` knows its value types


@dataclass(frozen=True, slots=True)
class Attribute:
    """One row of a module or macro.

    Attributes
    ----------
    source : str
        The module or macro that names it; empty inside of a sequence.
    kind : str
        Its type: 1, 1C, 2, 2C or 3.
    nested : int or None
        The number of the table that its items follow.
    """

    tag: int
    keyword: str
    kind: str
    source: str = ""
    nested: int | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A module or a functional group macro of an IOD with its usage: M, C or U."""

    name: str
    usage: str
    attributes: tuple[Attribute, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What one SOP class demands."""

    iod: str
    modules: tuple[Part, ...]
    macros: tuple[Part, ...]
    nested: dict[int, int]  # by tag of a sequence at the top, whichever module names it


@cache
def plan_of(sop_class: str) -> Plan | None:
    """The plan of a SOP class; None where the node has no table of it."""
    made = _read()
    iod = made["classes"].get(sop_class)
    if iod is None:
        return None
    parts = made["iods"][iod]
    modules = tuple(
        Part(name, usage, _attributes(made["modules"][name], name))
        for name, usage in parts["modules"].items()
        if name != _CONTENT
    )
    macros = tuple(
        Part(name, usage, _attributes(made["macros"][name], name))
        for name, usage in parts["macros"].items()
        if not (sop_class == LABEL_MAP and name == "segmentation")
    )
    nested: dict[int, int] = {}
    for usage in "MCU":
        for module in modules:
            for attribute in module.attributes if module.usage == usage else ():
                if attribute.nested is not None:
                    nested.setdefault(attribute.tag, attribute.nested)
    return Plan(iod, modules, macros, nested)


@cache
def rows_by_use(
    sop_class: str, holds: tuple[bool, ...]
) -> tuple[tuple[Attribute, ...], tuple[Attribute, ...]]:
    """The rows that can be broken: of modules that are in use, and of those that need not be.

    An attribute that several modules in use name is of the strictest type; where that is 1C, the
    other rows count too: a condition that does not hold leaves what they demand in any case.

    Parameters
    ----------
    holds : tuple of bool
        Whether each of the plan's modules is in use.
    """
    plan = plan_of(sop_class)
    in_force: dict[int, list[Attribute]] = {}
    optional: list[Attribute] = []
    for module, is_used in zip(plan.modules if plan else (), holds, strict=True):
        if not is_used:
            optional += module.attributes
            continue
        for row in module.attributes:
            in_force.setdefault(row.tag, []).append(row)
    used: list[Attribute] = []
    for rows in in_force.values():
        strictest = max(rows, key=lambda row: STRICTNESS.index(row.kind))
        used += rows if strictest.kind == "1C" else [strictest]
    return (
        tuple(row for row in used if row.kind != "3"),
        tuple(row for row in optional if row.tag not in in_force and row.kind not in ("2", "3")),
    )


@cache
def level(number: int) -> tuple[Attribute, ...]:
    """The rows of a nested table."""
    return _attributes(number, "")


@cache
def nested_of(number: int) -> dict[int, int]:
    """By tag, the tables of the sequences in a nested table."""
    return {row.tag: row.nested for row in level(number) if row.nested is not None}


@cache
def _read() -> dict[str, Any]:
    text = files("pipelines.conformance").joinpath("tables.json").read_text("utf-8")
    made: dict[str, Any] = json.loads(text)
    return made


def _attributes(number: int, source: str) -> tuple[Attribute, ...]:
    rows = []
    for keyword, said in _read()["tables"][number].items():
        kind, nested = (said, None) if isinstance(said, str) else said
        tag = tag_for_keyword(keyword)
        if tag is not None:
            rows.append(Attribute(tag, keyword, kind, source, nested))
    return tuple(rows)
