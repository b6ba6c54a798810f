"""A process that writes the results of a series once and tells what each stage took.

It holds what a warm slot holds at that moment: the source data sets with their pixels, the volume
and what the pipeline gave, one after the other as the two jobs of a series would. Started as
``python -m benchmarks.writing SOURCE RESULTS``; its last line is one JSON object.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.phantom import outlines, segments
from benchmarks.proc import peak_mb
from pipelines.collector import collecting_seldom
from pipelines.conformance import gate
from pipelines.contract import Enhanced, Segmented
from pipelines.dicom_in import read_volumes
from pipelines.dicom_out import enhanced, seg
from pipelines.dicom_out.provenance import Origin
from pipelines.dicom_out.sr import write_reports
from pipelines.manifest import OutputFile
from pipelines.models.card import ModelCard
from pipelines.registry import load_cards
from pipelines.request import Equipment, RunRequest
from pipelines.volume import Volume

MADE_AT = "2026-01-02T03:04:05+00:00"
BEFORE = ("read sources", "make pixels")
"""Stages before the writing: they are told, and no part of the sum."""


class Stopwatch:
    """Seconds by stage, of the clock and of the processors; a moment counts for the innermost."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.cpu_s: dict[str, float] = {}
        self._running: list[str] = []
        self._since = _now()

    @contextmanager
    def during(self, stage: str) -> Iterator[None]:
        """Count the block for `stage`."""
        self._lap()
        self.seconds.setdefault(stage, 0.0)
        self.cpu_s.setdefault(stage, 0.0)
        self._running.append(stage)
        try:
            yield
        finally:
            self._lap()
            self._running.pop()

    def on(self, module: ModuleType, name: str, stage: str) -> None:
        """Count every call that `module` makes of its `name` for `stage`."""
        function: Callable[..., Any] = getattr(module, name)

        @wraps(function)
        def timed(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever it is
            with self.during(stage):
                return function(*arguments, **named)

        setattr(module, name, timed)

    def _lap(self) -> None:
        now = _now()
        if self._running:
            stage = self._running[-1]
            self.seconds[stage] += now[0] - self._since[0]
            self.cpu_s[stage] += now[1] - self._since[1]
        self._since = now


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


@dataclass(frozen=True, slots=True)
class Job:
    """What is written of, where it was read, and where to."""

    volume: Volume
    inputs: Sequence[str]
    folder: Path
    watch: Stopwatch


@collecting_seldom()  # as a run does
def main() -> None:
    """Write, and print the JSON object."""
    source, results = map(Path, sys.argv[1:3])
    warnings.filterwarnings("ignore", module=r"(pydicom|highdicom)\b")
    watch = Stopwatch()
    watch.on(enhanced, "decode", "decode sources")
    watch.on(enhanced, "write", "enhanced write")
    watch.on(seg, "write", "SEG write")
    watch.on(seg, "check_segmentation", "read-back check")
    with watch.during("read sources"):
        (volume,) = read_volumes(sorted(source.iterdir()))
    held_mb = _resident_mb()
    job = Job(volume, sorted(map(str, source.iterdir())), results, watch)
    faults = write_enhanced_series(job)
    enhanced_peak_mb = peak_mb(os.getpid())
    faults |= write_segmentation(job)
    if faults:
        sys.exit("the gate found: " + ", ".join(sorted(faults)))
    print(json.dumps({
        "seconds": watch.seconds,
        "cpu_s": watch.cpu_s,
        "process_cpu_s": time.process_time(),
        "held_mb": held_mb,
        "enhanced_peak_mb": enhanced_peak_mb,
        "peak_mb": peak_mb(os.getpid()),
        **_look_at(results),
    }))  # fmt: skip


def write_enhanced_series(job: Job) -> set[str]:
    """An enhanced image of every slice, all past the gate; gives what that found."""
    card = load_cards()["ct-denoise"]
    with job.watch.during("make pixels"):
        result = Enhanced(_soften(job.volume.array))
    with job.watch.during("enhanced build"):
        made = enhanced.write_enhanced(
            job.volume, result.array, _origin(card, job.volume), job.folder
        )
        outputs = [written for written, _clipped in made]
    return judge(job, outputs)


def write_segmentation(job: Job) -> set[str]:
    """The SEG of all organs and its report, both past the gate; gives what that found."""
    card = load_cards()["ct-segment"].model_copy(update={"segments": segments()})
    origin = _origin(card, job.volume)
    with job.watch.during("make pixels"):
        result = Segmented(outlines(*job.volume.array.shape[:2]))
    with job.watch.during("SEG build"):
        outputs = list(seg.write_segmentations(job.volume, result, origin, job.folder))
    with job.watch.during("report"):
        outputs += write_reports([(job.volume, result, outputs)], origin, job.folder)
    return judge(job, outputs)


def judge(job: Job, outputs: Sequence[OutputFile]) -> set[str]:
    """What the gate finds in the objects of one job, asked as a run asks it."""
    with job.watch.during("gate"):
        instances = {str(one.SOPInstanceUID): str(one.SOPClassUID) for one in job.volume.sources}
        instances |= {one.sop_uid: one.sop_class_uid for one in outputs}
        told = gate([job.folder / one.file for one in outputs], job.inputs, instances)
        return {str(finding) for finding in told.findings}


def _origin(card: ModelCard, volume: Volume) -> Origin:
    equipment = Equipment(software_version="1", device_uid="2.25.1", serial="1")
    request = RunRequest(card.name, [], "", MADE_AT, equipment=equipment, time_zone="UTC")
    return Origin(request, card, card.parameters, volume.digests)


def _soften(array: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average of a pixel and its left neighbour: nearly every pixel changes."""
    after = array.copy()
    for plane in after:  # slice by slice: it takes no second volume
        plane[:, 1:] += plane[:, :-1].copy()
        plane[:, 1:] /= 2
    return after


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _look_at(folder: Path) -> dict[str, Any]:
    """How much was written, and one hash of every byte of it."""
    digest, size, paths = hashlib.sha256(), 0, sorted(folder.iterdir())
    for path in paths:
        content = path.read_bytes()
        digest.update(path.name.encode() + hashlib.sha256(content).digest())
        size += len(content)
    return {"files": len(paths), "megabytes": size / 1e6, "sha256": digest.hexdigest()}


if __name__ == "__main__":
    main()
