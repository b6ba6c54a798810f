"""Python's garbage collector while the data sets of a run are made."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MANY = 200_000  # Python's own is 700


@contextmanager
def collecting_seldom() -> Iterator[None]:
    """The collector looks for cycles after `MANY` new objects, in place of every few hundred.

    The headers of a series are hundreds of thousands of objects that live until the run ends.
    Looking through them again and again takes a sixth of the time that writing the results takes.
    """
    before = gc.get_threshold()
    gc.set_threshold(MANY, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
