"""Writes that go past the system's page cache (``O_DIRECT``, open(2)).

What is received is read again once at most, seconds later; putting it into the cache costs the
processor more than all the rest of its way to the disk: docs/adr/0012.
"""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
from contextlib import suppress

_DIRECT: int = getattr(os, "O_DIRECT", 0)
SMALLEST = 64 << 10
"""Bytes below which a copy into the cache is cheaper than a write of its own."""


def write_directly(descriptor: int, content: bytes | memoryview) -> int:
    """How many bytes from the start of `content` were written, perhaps none; the rest is not.

    The disk takes whole pages from the start of a page of memory to the start of a page of the
    file, which must be where the descriptor stands.
    """
    whole = len(content) - len(content) % mmap.PAGESIZE
    if not _DIRECT or whole < SMALLEST or not _begins_a_page(content):
        return 0
    before = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    with suppress(OSError):  # not on this file system, or no room: the ordinary write will tell
        fcntl.fcntl(descriptor, fcntl.F_SETFL, before | _DIRECT)
        try:
            return os.write(descriptor, memoryview(content)[:whole])
        finally:
            fcntl.fcntl(descriptor, fcntl.F_SETFL, before)
    return 0


def _begins_a_page(content: bytes | memoryview) -> bool:
    if not isinstance(content, memoryview) or content.readonly:
        return False
    return ctypes.addressof(ctypes.c_char.from_buffer(content)) % mmap.PAGESIZE == 0
