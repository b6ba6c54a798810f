"""Pipelines that behave as a test asks, run by the real slot child from the cards beside this file.

Only a process whose path has ``tests/inject`` and whose environment names the cards knows them.
"""

from __future__ import annotations

import errno
import os
import signal
import time
from pathlib import Path

import numpy as np
from pydicom import Dataset

from pipelines.contract import Enhanced, RunContext, Segmented
from pipelines.dicom_out import enhanced
from pipelines.dicom_out.provenance import Origin
from pipelines.errors import PipelineRefused
from pipelines.volume import Frames, Volume


def smooth(source: Volume | Frames, run: RunContext) -> Enhanced:
    """Half of each neighbour mixed in, after doing what ``act`` says."""
    _act(run)
    if run.parameters["act"] == "forget":
        _break_builder()
    array = source.array.astype(np.float32)
    return Enhanced((array + np.roll(array, 1, axis=-1)) / 2)


def threshold(source: Volume | Frames, run: RunContext) -> Segmented:
    """What is brighter than the mean."""
    return Segmented((source.array > source.array.mean()).astype(np.uint8))


def _act(run: RunContext) -> None:
    act, seconds = str(run.parameters["act"]), float(run.parameters["seconds"])
    if run.parameters["once"]:  # a file that says that it was done
        once = Path(str(run.parameters["once"]))
        if once.exists():
            return
        once.touch()
    if act == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    elif act == "break":
        raise RuntimeError("Zzphi^Jane")  # what a library's message may hold
    elif act == "no-room":
        raise ValueError("With tag (7FE0,0010) got exception") from OSError(errno.ENOSPC, "full")
    elif act == "hold":
        _wait_for(once.with_suffix(".go"))
    elif act == "refuse":
        raise PipelineRefused("wrong-part", "The stub refuses everything.")
    elif act == "sleep":
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(0.02)
            run.progress(0.5)


def _break_builder() -> None:
    """The next enhanced image is built without its Image Type, and the builder is whole again."""
    whole = enhanced.derive

    def broken(image: Dataset, digest: str, origin: Origin) -> Dataset:
        enhanced.derive = whole
        derived = whole(image, digest, origin)
        del derived["ImageType"]
        return derived

    enhanced.derive = broken


def _wait_for(file: Path) -> None:
    while not file.exists():
        time.sleep(0.02)
