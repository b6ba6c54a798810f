"""Every log call of the node, read from its syntax tree: a fixed text and allowed keys."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import dicom_node
from dicom_node.observe.keys import ALLOWED

FOLDER = Path(dicom_node.__path__[0])
METHODS = {"debug", "info", "warning", "error", "exception", "critical", "bind"}
OWN = {"exc_info"}


def log_calls() -> Iterator[tuple[str, ast.Call]]:
    for path in sorted(FOLDER.rglob("*.py")):
        if path.is_relative_to(FOLDER / "observe"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in METHODS
                and isinstance(node.func.value, ast.Name | ast.Attribute)
                and ast.unparse(node.func.value).rpartition(".")[2].strip("_").lower() == "log"
            ):
                yield f"{path.relative_to(FOLDER)}:{node.lineno}", node


def test_every_key_of_every_log_call_is_allowed():
    withheld = [
        f"{place} {keyword.arg or '**'}"
        for place, call in log_calls()
        for keyword in call.keywords
        if keyword.arg not in ALLOWED | OWN
    ]

    assert withheld == [], "use a key of dicom_node.observe.keys, or add one that is never PHI"


def test_every_event_is_a_fixed_text():
    built = [
        place
        for place, call in log_calls()
        if call.func.attr != "bind"
        and not (len(call.args) == 1 and isinstance(call.args[0], ast.Constant))
    ]

    assert built == [], "a log line is a fixed text with named values"
