"""What one part of the fuzzing saw, and the watch that no input may outlast."""

from __future__ import annotations

import hashlib
import signal
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

LONGEST_S = 20.0
MOST_KEPT = 20


class Hang(BaseException):
    """An input took longer than any may. Not an Exception, so that nothing takes it for its own."""


@dataclass
class Seen:
    """Counts of one part, and the faults that it found."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def add(self, other: Seen) -> None:
        """Take another part's counts and faults in."""
        self.counts.update(other.counts)
        self.faults += other.faults

    def as_dict(self) -> dict[str, object]:
        """As JSON has it."""
        return {"counts": dict(self.counts), "faults": self.faults}

    @contextmanager
    def watch(self, name: str, given: bytes, folder: Path) -> Iterator[None]:
        """Note whatever is raised as a fault, and keep the bytes that did it."""
        signal.setitimer(signal.ITIMER_REAL, LONGEST_S)
        try:
            yield
        except (Exception, Hang) as error:  # noqa: BLE001 - finding these is the point
            self.note(type(error).__name__, name, given, folder)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def note(self, kind: str, name: str, given: bytes, folder: Path) -> None:
        """Note a fault, with the line that raised it."""
        self.counts["hangs" if kind == "Hang" else "crashes"] += 1
        last = traceback.format_exc(limit=-2).strip().replace("\n", " | ")
        if len(self.faults) >= MOST_KEPT or any(last[-200:] in fault for fault in self.faults):
            return
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}-{hashlib.sha256(given).hexdigest()[:12]}.bin"
        path.write_bytes(given)
        self.faults.append(f"{kind} in {path.name}: {last[-400:]}")


def arm() -> None:
    """Have an input that outlasts `LONGEST_S` raise `Hang`."""

    def ring(_number: int, _frame: object) -> None:
        raise Hang

    signal.signal(signal.SIGALRM, ring)
