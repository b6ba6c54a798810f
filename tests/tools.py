"""Finding the programs that tests run. In CI a missing one fails; on a user's machine it skips."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

IN_CI = os.environ.get("CI") == "true"
# dcmtk is called by its full path: in a virtual environment `storescu` is pynetdicom's own.
FOLDERS = ("/usr/bin", "/usr/sbin", "/usr/local/bin", "/opt/homebrew/bin")


def program(name: str, *, package: str) -> str:
    """Full path of a program outside the virtual environment, or skip (in CI: fail)."""
    path = shutil.which(name, path=os.pathsep.join(map(str, FOLDERS)))
    if path:
        return path
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    if found:
        return str(found[-1])
    return absent(f"{name} is not installed (package {package})")


def samples() -> Path:
    """The folder of real images named by DICOM_NODE_SAMPLES, or skip."""
    folder = os.environ.get("DICOM_NODE_SAMPLES")
    if not folder:
        pytest.skip("DICOM_NODE_SAMPLES names no folder of real images")
    return Path(folder)


def absent(reason: str) -> str:
    """Skip with the reason, or fail in CI, where every program is installed."""
    if IN_CI:
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
