"""dcm2niix, the converter of neuroimaging: is a folder one series, and what is odd about it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path


def complaints(folder: Path, out: Path) -> Counter[str]:
    """What it warns of or calls an error, without what belongs to one file, and how often."""
    return Counter(_kind(line) for line in _convert(folder, out) if _is_complaint(line))


def volume_sizes(folder: Path, out: Path) -> list[str]:
    """The size of every volume that it makes of the folder, such as ``256x256x24x1``."""
    found = (re.search(r"Convert \d+ DICOM as .* \(([\dx]+)\)", line)
             for line in _convert(folder, out))  # fmt: skip
    return sorted(match[1] for match in found if match)


def _convert(folder: Path, out: Path) -> list[str]:
    out.mkdir(parents=True, exist_ok=True)
    program = Path(sys.executable).with_name("dcm2niix")
    command = [program, "-b", "n", "-z", "n", "-f", "%b", "-o", out, folder]
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, errors="replace", check=False
    )
    return (done.stdout + done.stderr).splitlines()


def _is_complaint(line: str) -> bool:
    return bool(re.match(r"(warning|error)\b", line.strip(), re.IGNORECASE))


def _kind(line: str) -> str:
    """Paths, UIDs and numbers differ between a source and its result."""
    return re.sub(r"\d+(\.\d+)*", "#", re.sub(r"/\S+", "FILE", line.strip()))
