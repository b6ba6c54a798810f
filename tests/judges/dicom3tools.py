"""dicom3tools' verdicts: is one object right, and do several belong together."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tests.tools import program

_PACKAGE = "dicom3tools"


def errors_of(path: Path) -> set[str]:
    """What ``dciodvfy -new`` calls an error, without what it says of one value or one item."""
    lines = _run("dciodvfy", "-new", path)
    return {_kind(line) for line in lines if line.startswith("Error")}


def new_errors(sources: Iterable[Path], result: Path) -> set[str]:
    """ENH-29: errors of `result` that none of its sources has."""
    known = {error for source in sources for error in errors_of(source)}
    return errors_of(result) - known


def contradictions(paths: Iterable[Path]) -> list[str]:
    """What ``dcentvfy`` finds different between objects of one patient, study or series."""
    return _run("dcentvfy", *paths)


def _run(name: str, *arguments: object) -> list[str]:
    command = [program(name, package=_PACKAGE), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    return [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]


def _kind(line: str) -> str:
    """A copied value is wrong wherever it is copied to: the place and the value are left out."""
    if "Illegal root for UID" in line:
        return "Error - Illegal root for UID"  # every reference to the instance repeats it
    attribute = re.sub(r"<(?:[^>]*/)?([^/>]*)>", r"<\1>", line, count=1)
    return re.sub(r"Value invalid for this VR .*? - (Length|Character)", r"\1", attribute)
