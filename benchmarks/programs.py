"""The programs that are run: where they are, in which environment, and in which version."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess

from benchmarks.errors import BenchmarkFailed
from dicom_node import __version__

FOLDERS = os.pathsep.join(("/usr/bin", "/usr/sbin", "/usr/local/bin", "/opt/homebrew/bin"))


def program(name: str) -> str:
    """Full path outside a virtual environment, where `storescu` is pynetdicom's own."""
    path = shutil.which(name, path=FOLDERS)
    if path is None:
        raise BenchmarkFailed(f"{name} is not installed")
    return path


def free_port() -> int:
    """A TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def dcmtk_environment(mode: str) -> dict[str, str]:
    """The environment of a program built on dcmtk, which reads TCP_NODELAY from it."""
    environment = {name: value for name, value in os.environ.items() if name != "TCP_NODELAY"}
    return environment | ({"TCP_NODELAY": "1"} if mode == "nodelay" else {})


def versions() -> list[str]:
    """What is measured, one line each."""

    def first_line(name: str) -> str:
        command = [program(name), "--version"]
        said = subprocess.run(command, check=False, capture_output=True, text=True)
        return (said.stdout + said.stderr).splitlines()[0].strip("$ ")

    return [f"dicom-node {__version__}", *map(first_line, ("Orthanc", "storescp", "storescu"))]
