"""The folder of rule files, read in order and checked as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dicom_node.errors import RuleInvalid
from dicom_node.routing.rule_file import read_rule_file
from dicom_node.routing.rule_set import Known, Rule, RuleSet

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["SHIPPED_RULES", "Known", "Rule", "RuleSet", "load_rules", "read_folder"]

SHIPPED_RULES = Path(__file__).parent / "rules"


def load_rules(
    folder: Path | None,
    *,
    pipelines: Collection[str],
    destinations: Collection[str],
    attributes: Collection[str] | None = None,
    parameters: Mapping[str, Collection[str]] | None = None,
) -> RuleSet:
    """Every rule of ``folder/*.yaml``, or the shipped ones for None; the names as in `Known`.

    Raises
    ------
    RuleInvalid
        One line for every mistake: ``file:line: rule NAME: what is wrong``.
    """
    known = Known(pipelines, destinations, attributes, parameters or {})
    rules, mistakes = read_folder(SHIPPED_RULES if folder is None else folder, known)
    if mistakes:
        raise RuleInvalid("\n".join(mistakes))
    return rules


def read_folder(folder: Path, known: Known) -> tuple[RuleSet, list[str]]:
    """The rules that can be read, and the mistakes in the others."""
    files = sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")])
    if not files:
        return RuleSet(()), [f"{folder}: holds no rule files (*.yaml)"]
    rules: list[Rule] = []
    mistakes: list[str] = []
    for path in files:
        found, wrong = read_rule_file(path, known)
        mistakes.extend(wrong)
        for rule in found:
            first = next((other for other in rules if other.name == rule.name), None)
            if first:
                mistakes.append(f"{path.name}: rule {rule.name}: {first.file} has one of that name")
            else:
                rules.append(rule)
    return RuleSet(tuple(rules)), mistakes
