"""Rules as data: frozen values that say what to look for and what to do with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from dicom_node.routing.match import Block


@dataclass(frozen=True, slots=True)
class Step:
    """A pipeline that a rule runs, and the parameters that differ from its model card."""

    pipeline: str
    parameters: Mapping[str, int | float | str | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rule:
    """What to look for in a series, and what to do with it.

    Attributes
    ----------
    match : Block
        All conditions must hold; and, where `any_of` is given, all of at least one of its blocks.
    priority : int
        A job runs with this or with its study's priority, whichever is higher.
    deliver_to : tuple of str or None
        None stands for the default destinations; an empty one keeps results on the node.
    stop : bool
        No later rule is asked about a series that matches.
    """

    name: str
    match: Block
    any_of: tuple[Block, ...] = ()
    run: tuple[Step, ...] = ()
    priority: int = 0
    deliver_to: tuple[str, ...] | None = None
    stop: bool = False
    enabled: bool = True
    note: str = ""
    file: str = ""


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Every rule, in the order in which they are asked: by file name, then as written."""

    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """The names that rules may use.

    Attributes
    ----------
    attributes : collection of str or None
        Attributes that series headers carry; None: every one of the data dictionary.
    parameters : mapping of str to collection of str
        Parameter names by pipeline; the parameters of an absent pipeline are not checked.
    """

    pipelines: Collection[str]
    destinations: Collection[str]
    attributes: Collection[str] | None = None
    parameters: Mapping[str, Collection[str]] = field(default_factory=dict)
