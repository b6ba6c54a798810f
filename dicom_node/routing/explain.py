"""Why a rule did or did not match: one row per condition. Pure, standard library only.

An explanation is made of plain lists and dicts, because it is stored with the decision as JSON and
shown by the page and the command line. It shows found values: it is patient data, and never logged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicom_node.routing.match import holds, spell, values_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dicom_node.routing.match import Block
    from dicom_node.routing.rule_set import Rule

    Header = Mapping[str, str | Sequence[str]]

LONGEST_FOUND = 120


def explain(rule: Rule, header: Header) -> dict[str, Any]:
    """What one rule says about one header, with a row for every condition.

    Returns
    -------
    dict
        ``rule``, ``verdict`` (``matched``, ``not matched``, ``disabled``), ``note``, ``run``,
        ``stop`` and ``rows``: each row has ``block`` (``match`` or ``any_of 1``...), ``attribute``,
        ``wanted``, ``found`` and ``verdict`` (bool).
    """
    rows = _rows("match", rule.match, header)
    matched = all(row["verdict"] for row in rows)
    alternatives = [
        _rows(f"any_of {number}", block, header) for number, block in enumerate(rule.any_of, 1)
    ]
    if alternatives:
        matched = matched and any(all(row["verdict"] for row in block) for block in alternatives)
    verdict = "matched" if matched else "not matched"
    return {
        "rule": rule.name,
        "verdict": verdict if rule.enabled else "disabled",
        "note": rule.note,
        "run": [step.pipeline for step in rule.run],
        "stop": rule.stop,
        "rows": [*rows, *(row for block in alternatives for row in block)],
    }


def pass_over(rule: Rule, stopped_by: str) -> dict[str, Any]:
    """What is said about a rule that an earlier one kept from being asked."""
    return {
        "rule": rule.name,
        "verdict": "not reached",
        "note": f"{stopped_by} stopped before it",
        "run": [],
        "stop": False,
        "rows": [],
    }


def render(explanation: Iterable[Mapping[str, Any]]) -> list[str]:
    """A stored or fresh explanation as lines of text for a terminal."""
    lines: list[str] = []
    for number, series in enumerate(explanation, 1):
        lines.append(f"series {number} {series['modality'] or '(no modality)'}: {series['reason']}")
        for rule in series["rules"]:
            lines.extend(_render_rule(rule))
    return lines


def _render_rule(rule: Mapping[str, Any]) -> list[str]:
    tail = f" -> {', '.join(rule['run'])}" if rule["verdict"] == "matched" and rule["run"] else ""
    note = f" ({rule['note']})" if rule["note"] and rule["verdict"] != "not matched" else ""
    lines = [f"  rule {rule['rule']}: {rule['verdict']}{tail}{note}"]
    for row in rule["rows"]:
        mark = "yes" if row["verdict"] else "no "
        where = "" if row["block"] == "match" else f"[{row['block']}] "
        found = row["found"] or "(missing)"
        lines.append(f"    {mark} {where}{row['attribute']}: wanted {row['wanted']}, found {found}")
    return lines


def _rows(block_name: str, block: Block, header: Header) -> list[dict[str, Any]]:
    rows = []
    for attribute, wanted in block:
        found = values_of(header, attribute)
        rows.append(
            {
                "block": block_name,
                "attribute": attribute,
                "wanted": spell(wanted),
                "found": _shorten("\\".join(found)),
                "verdict": holds(wanted, found),
            }
        )
    return rows


def _shorten(text: str) -> str:
    return text if len(text) <= LONGEST_FOUND else text[: LONGEST_FOUND - 1] + "…"
