"""Which lines of the scanner and the receiver were gone through, in all processes together."""

from __future__ import annotations

import os
from pathlib import Path

import coverage

TRACED = Path(__file__).parent / "traced"
PACKAGES = "dicom_node.intake,dicom_node.net"
SCANNER = ("walk", "nested", "layout", "window", "elements", "encoded", "header", "text", "uid")
RECEIVER = ("pdata", "command", "upper_layer", "wire", "server", "scp", "incoming", "receive")
RULES = """
[run]
branch = false
parallel = true
sigterm = true
concurrency = thread
data_file = {folder}/lines
source_pkgs = {packages}
"""


def traced_environment(folder: Path) -> dict[str, str]:
    """An environment in which Python processes trace their lines into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("lines*"):
        old.unlink()
    rules = folder / "coveragerc"
    rules.write_text(RULES.format(folder=folder.resolve(), packages=PACKAGES))
    path = os.pathsep.join([str(TRACED), str(Path.cwd()), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "COVERAGE_PROCESS_START": str(rules.resolve()), "PYTHONPATH": path}


def share_of_lines(folder: Path) -> dict[str, tuple[int, int]]:
    """Module to the lines gone through and the lines there are."""
    measured = coverage.Coverage(config_file=str(folder / "coveragerc"))
    measured.combine(keep=True)
    shares = {}
    for name in sorted(measured.get_data().measured_files()):
        path = Path(name)
        if path.stem in (*SCANNER, *RECEIVER):
            _, lines, _, missing, _ = measured.analysis2(name)
            shares[f"{path.parent.name}.{path.stem}"] = len(lines) - len(missing), len(lines)
    return shares
