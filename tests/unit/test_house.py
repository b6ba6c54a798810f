"""Rules of the house that no linter knows, read from the syntax trees of the packages."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.db.tables import Base

ROOT = Path(__file__).parents[2]
PACKAGES = ("dicom_node", "pipelines", "storage")
LOG_METHODS = {"debug", "info", "warning", "error", "exception", "critical"}
RENDERED_SUFFIXES = (".py", ".md", ".toml", ".yaml", ".yml", ".html", ".sh", ".service", ".cfg")


def modules() -> Iterator[tuple[Path, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8"))


def test_state_is_assigned_in_lifecycle_only():
    offenders = [
        f"{path}:{node.lineno}"
        for path, tree in modules()
        if path != Path("storage/lifecycle.py")
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Attribute) and target.attr == "state"
    ]

    assert offenders == [], "a state changes in storage.lifecycle.advance alone"


def test_log_calls_take_no_f_string():
    offenders = [
        f"{path}:{node.lineno}"
        for path, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in LOG_METHODS
        and isinstance(node.func.value, ast.Name)
        and "log" in node.func.value.id.lower()
        and any(isinstance(argument, ast.JoinedStr) for argument in node.args)
    ]

    assert offenders == [], "a log line is a fixed text with named values"


def test_broad_excepts_stand_in_the_outermost_layers_only():
    allowed = {  # where a thread or a process would end otherwise, and the person's terminal
        Path("dicom_node/cli.py"),
        Path("dicom_node/delivery/transfer.py"),
        Path("dicom_node/jobs/run.py"),
        Path("dicom_node/jobs/slot_child.py"),
        Path("dicom_node/net/guarded.py"),
        Path("dicom_node/net/upper_layer.py"),
    }
    offenders = [
        f"{path}:{node.lineno}"
        for path, tree in modules()
        if path not in allowed and not path.is_relative_to("dicom_node/web")
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id == "Exception"))
    ]

    assert offenders == []


def test_every_column_says_whether_it_holds_patient_data():
    silent = [
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if "phi" not in column.info
    ]

    assert silent == []


@pytest.mark.parametrize("word", ["manager", "helper", "util", "common"])
def test_no_file_has_a_name_that_says_nothing(word):
    named = [path for path, _tree in modules() if word in path.stem.split("_")]

    assert named == []


def test_no_file_carries_a_path_of_one_machine():
    marks = ["/" + name + "/" for name in ("root", "work", "farm")]
    offenders = [
        str(path.relative_to(ROOT))
        for folder in (*PACKAGES, "tests", "docs", "deploy", "benchmarks", ".ci")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in RENDERED_SUFFIXES and "vendor" not in path.parts
        for text in [path.read_text(encoding="utf-8")]
        if any(f"{before}{mark}" in text for mark in marks for before in ("'", '"', " ", "=", ":"))
    ]

    assert offenders == []
