"""Data sets of real files, each with its transfer syntax; where one begins is read plainly."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pydicom.data
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info

DEFAULT_SYNTAX = "1.2.840.10008.1.2"
META_START = 132
LARGEST_BYTES = 200_000


def data_set_of(path: Path) -> tuple[bytes, str] | None:
    """A file's encoded data set and its transfer syntax; None where it is no Part 10 file."""
    whole = path.read_bytes()
    if whole[128:132] != b"DICM":
        return None
    try:
        meta = read_file_meta_info(path)
    except (InvalidDicomError, NotImplementedError, ValueError, TypeError, KeyError):
        return None
    length = meta.get("FileMetaInformationGroupLength")
    if not isinstance(length, int):
        return None
    syntax = str(meta.get("TransferSyntaxUID", DEFAULT_SYNTAX))
    return whole[META_START + 12 + length :], syntax


def sample_folders() -> list[Path]:
    """The sample sets made to be hard: the malformed ones and the compressed ones."""
    folder = os.environ.get("DICOM_NODE_SAMPLES")
    root = Path(folder) if folder else None
    return sorted([*root.glob("robust-*"), *root.glob("compressed-*")]) if root else []


def corpus() -> list[tuple[bytes, str]]:
    """What mutation starts from: the hard sample sets where there are any, and pydicom's files."""
    return [found for path in _paths() if (found := data_set_of(path)) and _is_small(found[0])]


def _paths() -> Iterator[Path]:
    for folder in sample_folders():
        yield from sorted(path for path in folder.rglob("*") if path.is_file())
    yield from pydicom_files()


def pydicom_files() -> list[Path]:
    """The test files that come with pydicom; its own look-up would download others."""
    folder = Path(pydicom.data.__file__).parent / "test_files"
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _is_small(encoded: bytes) -> bool:
    return 0 < len(encoded) <= LARGEST_BYTES
