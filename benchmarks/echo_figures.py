"""From measurements without and with an attack to a table and figures. Pure arithmetic."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

FLOOR_MS = 50.0
HEAD = (
    f"{'attack':14} {'p99 alone ms':>12} {'attacked ms':>11} {'rise ms':>8} {'floor':>15} "
    f"{'unanswered':>10} {'images/s alone':>14} {'attacked':>8} {'left':>5} {'recovers s':>10}"
)


@dataclass(frozen=True, slots=True)
class Phase:
    """What was measured at one time."""

    p99_ms: float
    unanswered: int
    images_per_s: float  # 0: the sender failed


@dataclass(frozen=True, slots=True)
class Pair:
    """The same without and with an attack, one right after the other."""

    attack: str
    alone: Phase
    attacked: Phase
    recovered_s: float  # from the end of the attack to the first answer
    opened: dict[str, int]  # how often each bad client connected

    @property
    def rise_ms(self) -> float:
        """How much the attack adds to p99."""
        return self.attacked.p99_ms - self.alone.p99_ms

    @property
    def rate_left(self) -> float:
        """The sender's rate during the attack by that without."""
        return self.attacked.images_per_s / self.alone.images_per_s


def table(pairs: Sequence[Pair]) -> Iterator[str]:
    """Medians over the rounds, a line for each attack."""
    yield HEAD
    for name, rise_ms in _rises(pairs).items():
        here = [pair for pair in pairs if pair.attack == name]
        alone, attacked = [pair.alone for pair in here], [pair.attacked for pair in here]
        verdict = "reached" if rise_ms < FLOOR_MS else "missed"
        yield (
            f"{name:14} {_median(one.p99_ms for one in alone):12.1f} "
            f"{_median(one.p99_ms for one in attacked):11.1f} {rise_ms:8.1f} "
            f"{f'< {FLOOR_MS:g} {verdict}':>15} {sum(one.unanswered for one in attacked):10} "
            f"{_median(one.images_per_s for one in alone):14.0f} "
            f"{_median(one.images_per_s for one in attacked):8.0f} "
            f"{_median(pair.rate_left for pair in here):5.2f} "
            f"{max(pair.recovered_s for pair in here):10.1f}"
        )


def result(pairs: Sequence[Pair]) -> dict[str, float | None]:
    """Rise of p99 and share of the rate that is left, of each attack; None: echoes unanswered."""
    found: dict[str, float | None] = {}
    for name, rise_ms in _rises(pairs).items():
        key = name.replace("-", "_")
        found[f"{key}_rise_ms"] = round(rise_ms, 2) if math.isfinite(rise_ms) else None
        left = _median(pair.rate_left for pair in pairs if pair.attack == name)
        found[f"{key}_rate_left"] = round(left, 3)
    return found


def _rises(pairs: Sequence[Pair]) -> dict[str, float]:
    names = dict.fromkeys(pair.attack for pair in pairs)
    return {name: _median(pair.rise_ms for pair in pairs if pair.attack == name) for name in names}


def _median(values: Iterable[float]) -> float:
    return statistics.median(values)
