"""How long the objects of a series take to be built, checked and saved, and in how much memory.

    make bench-results
    make bench-results BENCH="--slices 60 --side 256 --repetitions 1"

A source series with twenty organs is made first. Each repetition is a process of its own
(`benchmarks.writing`). The last line is one JSON object; `benchmarks/README.md` says what counts.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.errors import BenchmarkFailed
from benchmarks.phantom import outlines, write_source
from benchmarks.proc import machine_cpu_s
from benchmarks.writing import BEFORE

ROOT = Path(__file__).parents[1]
AIM_S, AIM_MB = 6.0, 1000.0
KEYS = ("seconds", "cpu_s")


def main() -> None:
    """Measure, and print the table and the JSON object."""
    options = _options()
    options.folder.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="results-", dir=options.folder))
    try:
        write_source(work / "source", outlines(options.slices, options.side))
        runs = measure(work, options.repetitions)
    except BenchmarkFailed as failure:
        sys.exit(str(failure))
    finally:
        shutil.rmtree(work)
    print(*table(runs), sep="\n")
    print(f"aim: {AIM_S:g} s on two processors, {AIM_MB:g} MB")
    print(json.dumps(result(runs)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-results", description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--slices", type=int, default=300)
    add("--side", type=int, default=512, help="rows and columns")
    add("--repetitions", type=int, default=3)
    add("--folder", type=Path, default=ROOT / ".cache" / "bench")
    return parser.parse_args()


def measure(work: Path, repetitions: int) -> list[dict[str, Any]]:
    """What each writing process told of the series in ``work/source``.

    Raises
    ------
    BenchmarkFailed
        One failed, or two did not write the same bytes.
    """
    runs = [_run(work) for _ in range(repetitions)]
    if len({run["sha256"] for run in runs}) > 1:
        raise BenchmarkFailed("two runs did not write the same bytes")
    return runs


def _run(work: Path) -> dict[str, Any]:
    """What a writing process told, and how much of the processors others used meanwhile."""
    results = work / "results"
    results.mkdir()
    began, (busy_s, total_s) = time.process_time(), machine_cpu_s()
    command = [sys.executable, "-m", "benchmarks.writing", str(work / "source"), str(results)]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
    busy_after_s, total_after_s = machine_cpu_s()
    shutil.rmtree(results)
    if done.returncode:
        raise BenchmarkFailed(f"the writing process failed:\n{done.stderr}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    foreign_s = busy_after_s - busy_s - told["process_cpu_s"] - (time.process_time() - began)
    return told | {"foreign_share": max(0.0, foreign_s / max(total_after_s - total_s, 0.01))}


def result(runs: Sequence[dict[str, Any]]) -> dict[str, float]:
    """The figures that are promised: a median, and the largest peak."""
    return {
        "write_and_gate_s": round(statistics.median(_sum(run["seconds"]) for run in runs), 2),
        "report_s": round(statistics.median(run["seconds"]["report"] for run in runs), 2),
        "peak_mb": round(max(run["peak_mb"] for run in runs), 1),
    }


def table(runs: Sequence[dict[str, Any]]) -> Iterator[str]:
    """A line for each stage, then what was written and in what circumstances."""
    yield f"{'stage':20} {'s':>7} {'min - max':>15} {'CPU s':>7}"
    for stage in runs[0]["seconds"]:
        word = "  (before)" if stage in BEFORE else ""
        yield _line(stage, *([run[key][stage] for run in runs] for key in KEYS)) + word
    yield _line("write and gate", *([_sum(run[key]) for run in runs] for key in KEYS))
    first = runs[0]
    yield f"{first['files']} files, {first['megabytes']:.0f} MB, sha256 {first['sha256'][:16]}"
    held = statistics.median(run["held_mb"] for run in runs)
    halves = [max(run[key] for run in runs) for key in ("enhanced_peak_mb", "peak_mb")]
    yield (
        f"resident with the sources read {held:.0f} MB; at most {halves[0]:.0f} MB with the "
        f"enhanced series written, {halves[1]:.0f} MB with the SEG as well"
    )
    yield f"others used {max(run['foreign_share'] for run in runs):.0%} of the processors at most"


def _sum(by_stage: dict[str, float]) -> float:
    return math.fsum(took for stage, took in by_stage.items() if stage not in BEFORE)


def _line(stage: str, seconds: Sequence[float], cpu_s: Sequence[float]) -> str:
    span = f"{min(seconds):.2f} - {max(seconds):.2f}"
    return (
        f"{stage:20} {statistics.median(seconds):7.2f} {span:>15} {statistics.median(cpu_s):7.2f}"
    )


if __name__ == "__main__":
    main()
