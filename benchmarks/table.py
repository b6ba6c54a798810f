"""The table for people: a line for each receiver in each cell."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence

from benchmarks.ratios import NODE, ratios_inside_repetitions
from benchmarks.run import Run

HEAD = (
    f"{'senders':8} {'load':4} {'n':>2} {'receiver':9} {'images/s':>9} {'min - max':>15} "
    f"{'MB/s':>6} {'CPU ms/image':>12} {'peak MB':>7} {'node / it':>10} {'min - max':>13}"
)


def table(runs: Sequence[Run]) -> Iterator[str]:
    """Medians over the repetitions, in the order in which the cells were run."""
    yield HEAD
    cells = dict.fromkeys(run.cell for run in runs)
    for cell in cells:
        here = [run for run in runs if run.cell == cell]
        for name in sorted({run.receiver for run in here}, key=lambda name: (name != NODE, name)):
            yield _line([run for run in here if run.receiver == name], here)


def remarks(runs: Sequence[Run]) -> Iterator[str]:
    """What weakens the figures, where anything does."""
    disturbed = sum(not run.was_quiet for run in runs)
    if disturbed:
        yield f"{disturbed} of {len(runs)} runs began on a machine that did not get quiet"
    foreign = statistics.median(run.foreign_share for run in runs)
    most = max(run.foreign_share for run in runs)
    yield f"others used {foreign:.0%} of the processors meanwhile (median; at most {most:.0%})"


def _line(runs: Sequence[Run], all_here: Sequence[Run]) -> str:
    first = runs[0]
    rates = [run.images / run.seconds for run in runs]
    megabytes = statistics.median(run.megabytes / run.seconds for run in runs)
    cpu_ms = statistics.median(run.cpu_ms for run in runs)
    peaks = [run.peak_mb for run in runs if run.peak_mb]
    cell, name = first.cell, first.receiver
    line = (
        f"{cell.mode:8} {cell.kind:4} {cell.n:2} {name:9} {statistics.median(rates):9.1f} "
        f"{_span(rates, 1):>15} {megabytes:6.0f} {cpu_ms:12.1f} "
        f"{max(peaks) if peaks else float('nan'):7.0f}"
    ).replace("nan", "   ")
    ratios = [] if name == NODE else ratios_inside_repetitions(all_here, [cell], name)
    if ratios:
        line += f" {statistics.median(ratios):10.2f} {_span(ratios, 2):>13}"
    return line


def _span(values: Sequence[float], places: int) -> str:
    return f"{min(values):.{places}f} - {max(values):.{places}f}"
