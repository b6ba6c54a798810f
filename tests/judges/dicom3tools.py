"""dicom3tools' verdicts: is one object right, and do several belong together."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

import pydicom
from pydicom.uid import SegmentationStorage

from pipelines.dicom_out.attributes import STUDY_PRESENT
from tests.tools import program

_PACKAGE = "dicom3tools"
# dcentvfy counts these two of a report to its series; they are the study's (PS3.3 C.7.2.1).
_ODDITY = re.compile(r"<(AccessionNumber|ReferencedStudySequence)> IE <Series> versus <Study>")
# dciodvfy takes every part of a segmentation for unpaired; the standard asks for the side of a
# paired one, and there is no frame anatomy in a segmentation (PS3.3 C.7.3.1, A.51).
_FORBIDDEN_SIDE = re.compile(r"Laterality.* - Attribute present when condition unsatisfied")


def errors_of(path: Path) -> set[str]:
    """What ``dciodvfy -new`` calls an error, without what it says of one value or one item."""
    lines = _run("dciodvfy", "-new", path)
    side_told = _tells_the_side_of_a_part(path)
    return {
        _kind(line)
        for line in lines
        if line.startswith("Error") and not (side_told and _FORBIDDEN_SIDE.search(line))
    }


def new_errors(sources: Iterable[Path], result: Path) -> set[str]:
    """ENH-29: errors of `result` that none of its sources has."""
    known = {error for source in sources for error in errors_of(source)}
    return errors_of(result) - known


def contradictions(paths: Iterable[Path]) -> list[str]:
    """What ``dcentvfy`` finds different between objects of one patient, study or series."""
    return [line for line in _run("dcentvfy", *paths) if not _ODDITY.search(line)]


def new_contradictions(sources: Sequence[Path], results: Sequence[Path]) -> set[str]:
    """Contradictions of results to their sources, or among them, that the sources do not have.

    A result has what patient and study must have, and empty where its source left it out.
    """
    completed = [f"present in one instance but not the other - Element=<{word}>"
                 for word in STUDY_PRESENT]  # fmt: skip
    known = set(contradictions(sources))
    return {
        line
        for line in contradictions([*sources, *results])
        if line not in known and not any(each in line for each in completed)
    }


def _run(name: str, *arguments: object) -> list[str]:
    command = [program(name, package=_PACKAGE), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    return [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]


def _tells_the_side_of_a_part(path: Path) -> bool:
    """Whether it is a segmentation that names both a body part and its side."""
    words = ["SOPClassUID", "BodyPartExamined", "Laterality"]
    image = pydicom.dcmread(path, specific_tags=words)
    return image.SOPClassUID == SegmentationStorage and bool(
        image.get("BodyPartExamined") and image.get("Laterality")
    )


def _kind(line: str) -> str:
    """A copied value is wrong wherever it is copied to: the place and the value are left out."""
    if "Illegal root for UID" in line:
        return "Error - Illegal root for UID"  # every reference to the instance repeats it
    attribute = re.sub(r"<(?:[^>]*/)?([^/>]*)>", r"<\1>", line, count=1)
    return re.sub(r"Value invalid for this VR .*? - (Length|Character)", r"\1", attribute)
