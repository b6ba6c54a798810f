"""What pixelmed's validator of structured reports, the judge of IHE's Connectathons, says."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.tools import IN_CI, program

JAR = Path("/usr/share/java/pixelmed.jar")
# A newer Java stops its style sheets, which are larger than it expects.
_NO_LIMITS = [
    f"-Djdk.xml.xpath{name}=0" for name in ("ExprOpLimit", "TotalOpLimit", "ExprGrpLimit")
]


class Verdict(NamedTuple):
    """The root template that it recognised, its errors and its warnings."""

    template: str
    errors: list[str]
    warnings: list[str]


def judge_report(path: Path) -> Verdict:
    """The verdict on a structured report, template by template, by ``DicomSRValidator``."""
    java = program("java", package="libpixelmed-java")
    if not JAR.exists():
        reason = "pixelmed.jar is not installed (package libpixelmed-java)"
        pytest.fail(reason) if IN_CI else pytest.skip(reason)
    command = [java, *_NO_LIMITS, "-cp", str(JAR), "com.pixelmed.validate.DicomSRValidator"]
    done = subprocess.run([*command, str(path)], capture_output=True, text=True, check=False)
    said = (done.stdout + done.stderr).splitlines()
    roots = [line.removeprefix("Found Root Template ") for line in said
             if line.startswith("Found Root Template ")]  # fmt: skip
    assert roots, f"pixelmed judged nothing:\n{done.stdout}{done.stderr}"
    return Verdict(
        roots[0],
        [line for line in said if line.startswith("Error")],
        [line for line in said if line.startswith("Warning")],
    )
