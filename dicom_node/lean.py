"""Keeps a receiver small: what it does not use is not loaded into it.

pydicom loads every codec it finds when it is imported, 40 MB of them, and a receiver never looks at
a pixel. It is also the process that strangers talk to: the fewer C libraries in it, the better.
structlog loads what draws tracebacks in colour, which the node does not print.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

UNUSED = frozenset({
    "gdcm", "jpeg_ls", "libjpeg", "numpy", "openjpeg", "PIL", "pylibjpeg", "rle",
    "rich", "better_exceptions",
})  # fmt: skip
_ARENAS = -8  # M_ARENA_MAX, mallopt(3)
_MOST_ARENAS = 2


class _Absent:
    """A finder that says of some modules that they are not installed."""

    @staticmethod
    def find_spec(
        name: str,
        path: Sequence[str] | None,  # noqa: ARG004 - importlib's own
        target: ModuleType | None = None,  # noqa: ARG004 - importlib's own
    ) -> ModuleSpec | None:
        if name.partition(".")[0] in UNUSED:
            raise ModuleNotFoundError(f"{name} is kept out of this process", name=name)
        return None


def look_away() -> None:
    """Take everything that is there out of the garbage collector's sight.

    What was made at the start stays for good, and looking through it stops every association for
    tens of milliseconds; pynetdicom's server asks for that every few seconds.
    """
    gc.collect()
    gc.freeze()


def be_lean() -> None:
    """From now on, importing what is not used is as if it were not installed.

    And freed memory is shared by all threads: glibc's default gives each its own store of it.
    """
    sys.meta_path.insert(0, _Absent)
    limit = getattr(ctypes.CDLL(None), "mallopt", None)
    if limit is not None:
        limit(_ARENAS, _MOST_ARENAS)
