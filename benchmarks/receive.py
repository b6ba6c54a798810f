"""How fast instances are received, beside dcmtk's storescp and Orthanc, on this machine, now.

    make benchmark BENCHMARK="--images 200 --associations 1 4 --repetitions 3"

Every repetition runs all receivers in turn on the same files, so that a machine that is busy for a
while is busy for all of them; the figures are medians, the ratios medians of ratios inside a
repetition. The sender is dcmtk's storescu as installed. Only the node and Orthanc answer after the
file is on disk; storescp answers from memory. Every receiver must have kept every instance.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.builders import a_series, write_series

STORESCU, STORESCP, ECHOSCU = "/usr/bin/storescu", "/usr/bin/storescp", "/usr/bin/echoscu"


def main() -> None:
    """Measure, and print one table."""
    arguments = _arguments()
    work = Path(tempfile.mkdtemp(prefix="receive-benchmark-"))
    try:
        figures = _measure(work, arguments)
    finally:
        shutil.rmtree(work)
    _print(figures, arguments)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=200, help="512x512 CT slices in all")
    parser.add_argument("--associations", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--repetitions", type=int, default=3)
    return parser.parse_args()


def _measure(work: Path, arguments: argparse.Namespace) -> dict[tuple[str, int], list[float]]:
    figures: dict[tuple[str, int], list[float]] = {}
    for parallel in arguments.associations:
        folders = _load(work / f"load-{parallel}", arguments.images, parallel)
        for repetition in range(arguments.repetitions):
            for name, receiver in RECEIVERS.items():
                kept = work / f"{name}-{parallel}-{repetition}"
                with receiver(kept) as (port, count):
                    seconds = _send(folders, port)
                    _await(lambda: count() >= arguments.images, f"{name} kept {count()}")
                shutil.rmtree(kept)
                figures.setdefault((name, parallel), []).append(arguments.images / seconds)
    return figures


def _load(folder: Path, images: int, parallel: int) -> list[Path]:
    """`parallel` folders with one series of CT slices each."""
    noise = np.random.default_rng(1)
    for part in range(parallel):
        pixels = noise.integers(0, 4096, (images // parallel, 512, 512), dtype=np.int16)
        write_series(folder / str(part), a_series("CT", key=part, pixels=pixels))
    return sorted(folder.iterdir())


def _send(folders: list[Path], port: int) -> float:
    command = [
        STORESCU,
        "-aec",
        "ANY",
        "+sd",
        "+r",
        "--max-send-pdu",
        "131072",
        "127.0.0.1",
        str(port),
    ]
    begun = time.perf_counter()
    senders = [subprocess.Popen([*command, str(folder)]) for folder in folders]
    if any(sender.wait() != 0 for sender in senders):
        sys.exit("a sender failed")
    return time.perf_counter() - begun


Receiver = Iterator[tuple[int, Callable[[], int]]]


@contextmanager
def _node(folder: Path) -> Receiver:
    folder.mkdir(parents=True)
    port = _free_port()
    environment = os.environ | {
        "DICOM_NODE_NODE__DATA_FOLDER": str(folder),
        "DICOM_NODE_RECEIVE__PORT": str(port),
        "DICOM_NODE_RECEIVE__DISK_RESERVE_MB": "0",
        "DICOM_NODE_WEB__PORT": "0",
    }
    command = [sys.executable, "-m", "dicom_node", "serve"]
    with _running(command, port, environment):
        yield port, lambda: _files(folder / "store" / "received", "*.dcm")


@contextmanager
def _storescp(folder: Path) -> Receiver:
    folder.mkdir(parents=True)
    port = _free_port()
    with _running([STORESCP, "--fork", "-od", str(folder), str(port)], port):
        yield port, lambda: _files(folder, "CT.*")


@contextmanager
def _orthanc(folder: Path) -> Receiver:
    folder.mkdir(parents=True)
    port = _free_port()
    settings = folder / "orthanc.json"
    settings.write_text(
        json.dumps(
            {"StorageDirectory": str(folder / "db"), "DicomPort": port, "HttpServerEnabled": False}
        )
    )
    program = shutil.which("Orthanc", path="/usr/sbin:/usr/bin") or sys.exit("no Orthanc here")
    with _running([program, str(settings)], port):
        yield (
            port,
            lambda: sum(path.stat().st_size > 500_000 for path in (folder / "db").rglob("*-*")),
        )


RECEIVERS = {"dicom-node": _node, "storescp": _storescp, "Orthanc": _orthanc}


@contextmanager
def _running(
    command: list[str], port: int, environment: dict[str, str] | None = None
) -> Iterator[None]:
    quiet = subprocess.DEVNULL
    program = subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet)
    probe = [ECHOSCU, "127.0.0.1", str(port)]
    try:
        _await(lambda: subprocess.call(probe, stderr=quiet) == 0, f"{command[0]} listens")
        yield
    finally:
        program.terminate()
        program.wait()


def _await(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        if time.monotonic() > deadline:
            sys.exit(f"waited a minute: {what}")
        time.sleep(0.05)


def _files(folder: Path, pattern: str) -> int:
    return sum(1 for _path in folder.rglob(pattern))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _print(figures: dict[tuple[str, int], list[float]], arguments: argparse.Namespace) -> None:
    print(f"{arguments.images} CT slices of 512x512, {arguments.repetitions} repetitions, images/s")
    print(f"{'receiver':12} {'n':>3} {'median':>8} {'min':>7} {'max':>7}  {'node / it':>9}")
    for (name, parallel), rates in figures.items():
        ours = figures["dicom-node", parallel]
        ratio = statistics.median(a / b for a, b in zip(ours, rates, strict=True))
        print(
            f"{name:12} {parallel:3} {statistics.median(rates):8.0f} {min(rates):7.0f} "
            f"{max(rates):7.0f}  {ratio:9.2f}"
        )


if __name__ == "__main__":
    main()
