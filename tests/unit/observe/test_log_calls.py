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


def log_calls() -> Iterator[tuple[str, ast.Call, ast.Module]]:
    for path in sorted(FOLDER.rglob("*.py")):
        if path.is_relative_to(FOLDER / "observe"):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in METHODS
                and isinstance(node.func.value, ast.Name | ast.Attribute)
                and ast.unparse(node.func.value).rpartition(".")[2].strip("_").lower() == "log"
            ):
                yield f"{path.relative_to(FOLDER)}:{node.lineno}", node, tree


def keys_of(call: ast.Call, tree: ast.Module) -> Iterator[str]:
    """The keys given by name, and those of a `**mapping` that is a dict display of the module."""
    for keyword in call.keywords:
        if keyword.arg is not None:
            yield keyword.arg
            continue
        displays = [
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Dict)
            and ast.unparse(node.targets[0]) == ast.unparse(keyword.value)
        ]
        if not displays:
            yield f"**{ast.unparse(keyword.value)}"
        yield from (ast.literal_eval(key) for display in displays for key in display.keys)


def test_every_key_of_every_log_call_is_allowed():
    withheld = [
        f"{place} {key}"
        for place, call, tree in log_calls()
        for key in keys_of(call, tree)
        if key not in ALLOWED | OWN
    ]

    assert withheld == [], "use a key of dicom_node.observe.keys, or add one that is never PHI"


def test_every_event_is_a_fixed_text():
    built = [
        place
        for place, call, _tree in log_calls()
        if call.func.attr != "bind"
        and not (len(call.args) == 1 and isinstance(call.args[0], ast.Constant))
    ]

    assert built == [], "a log line is a fixed text with named values"
