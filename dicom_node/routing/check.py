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
    tests: list[_Test]


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
        tree, lines = read_yaml(path.read_text(encoding="utf-8"))
        tests = _TestFile.model_validate(tree).tests
    except RuleInvalid as error:
        return 0, [f":{error}"]
    except (OSError, UnicodeDecodeError) as error:
        return 0, [f": cannot be read: {type(error).__name__}"]
    except ValidationError as error:
        return 0, [
            f": {'.'.join(map(str, wrong['loc']))}: {wrong['msg'].removeprefix('Value error, ')}"
            for wrong in error.errors()
        ]
    tried = [list(_try(test, rules)) for test in tests]
    mistakes_of_all = [
        f":{lines.get(('tests', index), 1)}: {test.name}: {mistake}"
        for index, (test, mistakes) in enumerate(zip(tests, tried, strict=True))
        for mistake in mistakes
    ]
    return sum(not mistakes for mistakes in tried), mistakes_of_all


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
