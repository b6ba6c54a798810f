from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import dicom_node.routing

FOLDER = Path(dicom_node.routing.__path__[0])


def imported(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            names.add(node.module)
    return names


def test_no_regular_expression_in_routing():
    offenders = [path.name for path in FOLDER.rglob("*.py") if "re" in imported(path)]

    assert offenders == [], (
        "wildcards are matched by two pointers: a pattern must not hang the node"
    )


def test_matching_and_deciding_need_the_standard_library_only():
    code = (
        "import sys; before = set(sys.modules)\n"
        "import dicom_node.routing.decide\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(new - set(sys.stdlib_module_names)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "['dicom_node']"
