"""Keeps a receiver small: what decodes pixels is not loaded into it.

pydicom loads every codec it finds when it is imported, 40 MB of them, and a receiver never looks at
a pixel. It is also the process that strangers talk to: the fewer C libraries in it, the better.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

CODECS = frozenset({"gdcm", "jpeg_ls", "libjpeg", "numpy", "openjpeg", "PIL", "pylibjpeg", "rle"})


class _Absent:
    """A finder that says of some modules that they are not installed."""

    @staticmethod
    def find_spec(
        name: str,
        path: Sequence[str] | None,  # noqa: ARG004 - importlib's own
        target: ModuleType | None = None,  # noqa: ARG004 - importlib's own
    ) -> ModuleSpec | None:
        if name.partition(".")[0] in CODECS:
            raise ModuleNotFoundError(f"{name} is kept out of this process", name=name)
        return None


def keep_codecs_out() -> None:
    """From now on, importing a codec is as if it were not installed."""
    sys.meta_path.insert(0, _Absent)
