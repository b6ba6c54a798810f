"""From runs to the figures that are aimed at. Pure arithmetic.

A ratio compares the node's rate with a peer's in the same cell of the same repetition, where both
met the same machine. Over several cells it is their geometric mean inside the repetition. What is
reported is the median over the repetitions. Memory is the largest of all repetitions.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.run import Cell, Run

NODE = "node"
MEMORY_CELL = Cell("nodelay", "GB", 1)
LARGE = tuple(Cell("nodelay", kind, n) for kind in ("DX", "US") for n in (1, 4))


@dataclass(frozen=True, slots=True)
class Target:
    """A figure with what is promised (floor) and what is wished for (aim); no peer: memory."""

    key: str
    cells: tuple[Cell, ...]
    peer: str
    floor: float
    aim: float

    def reaches(self, measured: float, wanted: float) -> bool:
        """Whether the figure is good enough: a ratio at least, memory at most what is wanted."""
        return measured >= wanted if self.peer else measured <= wanted


def _ct(mode: str, n: int) -> tuple[Cell]:
    return (Cell(mode, "CT", n),)


TARGETS = (
    Target("default_n8_vs_storescp", _ct("default", 8), "storescp", 3.0, 3.5),
    Target("default_n8_vs_orthanc", _ct("default", 8), "Orthanc", 4.0, 4.5),
    Target("nodelay_n1_vs_orthanc", _ct("nodelay", 1), "Orthanc", 1.75, 2.0),
    Target("nodelay_n4_vs_orthanc", _ct("nodelay", 4), "Orthanc", 1.75, 2.0),
    Target("nodelay_n16_vs_orthanc", _ct("nodelay", 16), "Orthanc", 1.75, 2.0),
    Target("nodelay_n4_vs_storescp", _ct("nodelay", 4), "storescp", 0.8, 1.0),
    Target("large_vs_storescp", LARGE, "storescp", 1.1, 1.1),
    Target("large_vs_orthanc", LARGE, "Orthanc", 2.4, 2.4),
    # A receiver process may have 65 MB and 4 MB for each association.
    Target("receiver_mb_1gb", (MEMORY_CELL,), "", 69.0, 69.0),
)


def measured(target: Target, runs: Sequence[Run]) -> float | None:
    """The target's figure, or None where some of its cells were not run."""
    if not target.peer:
        peaks = [run.peak_mb for run in runs if run.cell in target.cells and run.peak_mb]
        return max(peaks, default=None)
    ratios = ratios_inside_repetitions(runs, target.cells, target.peer)
    return statistics.median(ratios) if ratios else None


def ratios_inside_repetitions(runs: Iterable[Run], cells: Sequence[Cell], peer: str) -> list[float]:
    """The node's rate by the peer's, one for each repetition that has all the cells."""
    seconds: dict[int, dict[tuple[str, Cell], float]] = defaultdict(dict)
    for run in runs:
        seconds[run.repetition][run.receiver, run.cell] = run.seconds
    return [
        statistics.geometric_mean(one[peer, cell] / one[NODE, cell] for cell in cells)
        for _repetition, one in sorted(seconds.items())
        if all((name, cell) in one for name in (NODE, peer) for cell in cells)
    ]


def result(runs: Sequence[Run]) -> dict[str, float | None]:
    """Every key with its figure to four places, rounded to the bad side; None: not measured."""
    return {target.key: _rounded(target, measured(target, runs)) for target in TARGETS}


def verdict(target: Target, figure: float | None) -> str:
    """One line: what was measured, what is promised and wished for, and whether it is there."""
    if figure is None:
        return f"{target.key:24} not measured"
    words = [
        f"{name} {wanted:g} {'reached' if target.reaches(figure, wanted) else 'missed'}"
        for name, wanted in (("floor", target.floor), ("aim", target.aim))
    ]
    return f"{target.key:24} measured {figure:7.2f}   {words[0]:20} {words[1]}"


def _rounded(target: Target, figure: float | None) -> float | None:
    if figure is None:
        return None
    return (math.floor if target.peer else math.ceil)(figure * 10_000) / 10_000
