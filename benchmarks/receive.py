"""How fast instances are received, beside dcmtk's storescp and Orthanc, on this machine, now.

    make bench-receive
    make bench-receive BENCH="--repetitions 3 --associations 1 4 --modes nodelay --skip-large"

Every repetition runs all receivers in turn in every cell, so that a machine that is busy for a
while is busy for all of them. The last line is one JSON object of median ratios.
`benchmarks/README.md` says how to read it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from itertools import count
from pathlib import Path

from benchmarks.errors import BenchmarkFailed
from benchmarks.load import KINDS, SERIES, Load, make_load
from benchmarks.programs import versions
from benchmarks.ratios import LARGE, MEMORY_CELL, NODE, TARGETS, measured, result, verdict
from benchmarks.receiver import Receiver
from benchmarks.receivers import PEERS, Node
from benchmarks.run import Cell, Run, measure
from benchmarks.table import remarks, table

ROOT = Path(__file__).parents[1]
IMAGES = 640


def main() -> None:
    """Measure, and print the table, a line for each target, and the JSON object."""
    options = _options()
    options.folder.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="receive-", dir=options.folder))
    try:
        runs = list(_measure(work, options))
    except BenchmarkFailed as failure:
        sys.exit(str(failure))
    finally:
        shutil.rmtree(work)
    if options.out:
        options.out.write_text(json.dumps([asdict(run) for run in runs], indent=1) + "\n")
    _print(runs, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-receive", description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--repetitions", type=int, default=3)
    add("--associations", type=int, nargs="+", default=[1, 4, 8, 16], help="of large ones 1 and 4")
    add("--modes", nargs="+", choices=("default", "nodelay"), default=["default", "nodelay"])
    add("--peers", nargs="*", choices=tuple(PEERS), default=list(PEERS))
    add("--images", type=int, default=IMAGES, help=f"CT slices in all, a multiple of {SERIES}")
    add("--skip-ct", action="store_true")
    add("--skip-large", action="store_true", help="without the 25 and 63 MB objects")
    add("--skip-1gb", action="store_true", help="without the 1 GB object")
    add("--shrink", type=int, default=1, help="divides the size of large objects: for a quick try")
    add("--receivers", type=int, help="the node's [receive] receivers in place of its default")
    add(
        "--quiet-s",
        type=float,
        default=20.0,
        help="wait this long for an idle receiver and for a quiet machine",
    )
    add("--out", type=Path, help="write every run's figures to this file, as JSON")
    add("--folder", type=Path, default=ROOT / ".cache" / "bench", help="on the disk to measure")
    options = parser.parse_args()
    if options.images % SERIES:
        parser.error(f"--images: a multiple of {SERIES}")
    if any(SERIES % n for n in options.associations):
        parser.error(f"--associations: divisors of {SERIES}, so that each has the same share")
    if not list(_cells(options)):
        parser.error("nothing is left to measure")
    return options


def _cells(options: argparse.Namespace) -> Iterator[Cell]:
    if not options.skip_ct:
        for mode in options.modes:
            yield from (Cell(mode, "CT", n) for n in options.associations)
    if "nodelay" in options.modes and not options.skip_large:
        yield from (cell for cell in LARGE if cell.n in options.associations)
    if "nodelay" in options.modes and not options.skip_1gb:
        yield MEMORY_CELL


def _measure(work: Path, options: argparse.Namespace) -> Iterator[Run]:
    cells = list(_cells(options))
    loads = _loads(work, cells, options)
    more = {"RECEIVE__RECEIVERS": str(options.receivers)} if options.receivers else {}
    receivers: dict[str, Callable[[Path, str], Receiver]] = {NODE: partial(Node, more=more)}
    receivers |= {name: PEERS[name] for name in options.peers}
    folders = (work / f"run-{number}" for number in count(1))
    for repetition in range(options.repetitions):
        for cell in cells:
            names = [NODE] if cell == MEMORY_CELL else list(receivers)
            turn = repetition % len(names)  # none of them is always the first
            for name in names[turn:] + names[:turn]:
                receiver = receivers[name](next(folders), cell.mode)
                run = measure(receiver, loads[cell.kind], cell, repetition, options.quiet_s)
                _tell(run)
                yield run


def _loads(work: Path, cells: list[Cell], options: argparse.Namespace) -> dict[str, Load]:
    wanted = {cell.kind for cell in cells}
    return {
        kind: make_load(work / "load", kind, slices=options.images, shrink=options.shrink)
        for kind in KINDS
        if kind in wanted
    }


def _tell(run: Run) -> None:
    """Progress, beside the result."""
    cell = run.cell
    print(
        f"{run.repetition + 1}: {cell.mode} {cell.kind} n={cell.n} {run.receiver}: "
        f"{run.seconds:.2f} s, {run.images / run.seconds:.1f} images/s",
        file=sys.stderr,
        flush=True,
    )


def _print(runs: list[Run], options: argparse.Namespace) -> None:
    print("; ".join(versions()))
    print(f"{os.cpu_count()} processors, files on {_file_system(options.folder)}; ", end="")
    print(f"{options.repetitions} repetitions, medians; every data set was compared byte for byte")
    if options.images != IMAGES or options.shrink != 1:
        print("A TRY: the load is smaller than the one that floors and aims are meant for")
    print(*table(runs), *remarks(runs), "", sep="\n")
    print(*(verdict(target, measured(target, runs)) for target in TARGETS), sep="\n")
    print(json.dumps(result(runs)))


def _file_system(folder: Path) -> str:
    command = ["stat", "-f", "-c", "%T", str(folder)]
    said = subprocess.run(command, check=False, capture_output=True, text=True)
    return said.stdout.strip() or "an unknown file system"


if __name__ == "__main__":
    main()
