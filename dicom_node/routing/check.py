"""A rule folder and the tests beside it, tried before they are used.

A test lies in ``<folder>/tests/*.yaml``: a header, and the names of the rules that must match it or
the pipelines that must run. `check_rules` reads nothing but files and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from dicom_node.errors import RuleInvalid
from dicom_node.routing.attributes import all_attributes, is_attribute, nearest
from dicom_node.routing.decide import SeriesHeader, decide
from dicom_node.routing.rule import SHIPPED_RULES, read_folder
from dicom_node.routing.yaml_lines import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dicom_node.routing.rule_set import Known, RuleSet


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found: the rules it could read, how many tests passed, and every mistake."""

    rules: RuleSet
    passed: int
    mistakes: list[str]


class _Test(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    header: dict[str, str | list[str]]
    rules: list[str] | None = None
    runs: list[str] | None = None

    @model_validator(mode="after")
    def _expects_something(self) -> _Test:
        if self.rules is None and self.runs is None:
            raise ValueError("give rules (names that match) or runs (pipelines)")
        return self


class _TestFile(BaseModel):
    model_config = ConfigDict(extra="forbid")
    tests: list[Any]


def check_rules(folder: Path | None, known: Known) -> Checked:
    """Read the rules of `folder` (None: the shipped ones) and run the tests beside them."""
    folder = SHIPPED_RULES if folder is None else folder
    rules, mistakes = read_folder(folder, known)
    passed = 0
    for path in sorted((folder / "tests").glob("*.yaml")):
        held, wrong = _try_file(path, rules)
        passed += held
        mistakes.extend(f"tests/{path.name}{line}" for line in wrong)
    return Checked(rules, passed, mistakes)


def _try_file(path: Path, rules: RuleSet) -> tuple[int, list[str]]:
    """How many tests of a file hold, and ``:line: what is wrong`` for the others."""
    try:
        read = read_yaml(path.read_text(encoding="utf-8"))
    except RuleInvalid as error:
        return 0, [f":{error}"]
    except (OSError, UnicodeDecodeError) as error:
        return 0, [f": cannot be read: {type(error).__name__}"]
    mistakes = [f":{line}" for line in read.mistakes]
    try:
        entries = _TestFile.model_validate(read.tree).tests
    except ValidationError as error:
        return 0, [*mistakes, *(f":1: {wrong}" for wrong in _shape(error))]
    passed = 0
    for index, entry in enumerate(entries):
        line = read.line_of(("tests", index))
        wrong = list(_try_entry(entry, rules))
        mistakes.extend(f":{line}: {mistake}" for mistake in wrong)
        passed += not wrong
    return passed, mistakes


def _try_entry(entry: object, rules: RuleSet) -> Iterator[str]:
    try:
        test = _Test.model_validate(entry)
    except ValidationError as error:
        yield from _shape(error)
        return
    for mistake in _try(test, rules):
        yield f"{test.name}: {mistake}"


def _shape(error: ValidationError) -> Iterator[str]:
    for wrong in error.errors():
        where = ".".join(map(str, wrong["loc"]))
        yield f"{where}{': ' if where else ''}{wrong['msg'].removeprefix('Value error, ')}"


def _try(test: _Test, rules: RuleSet) -> Iterator[str]:
    for attribute in test.header:
        if not is_attribute(attribute):
            yield f"no attribute is called {attribute}{nearest(attribute, all_attributes())}"
    decided = decide(rules, [SeriesHeader("", test.header)], [])
    said: list[dict[str, Any]] = decided.explanation[0]["rules"]
    matched = [answer["rule"] for answer in said if answer["verdict"] == "matched"]
    runs = [job.pipeline for job in decided.jobs]
    if test.rules is not None and test.rules != matched:
        yield f"expected rules {_list(test.rules)}, matched {_list(matched)}"
    if test.runs is not None and test.runs != runs:
        yield f"expected to run {_list(test.runs)}, would run {_list(runs)}"


def _list(names: list[str]) -> str:
    return ", ".join(names) or "none"
