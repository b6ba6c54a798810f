"""Compares what a receiver has kept with what was sent to it, byte for byte."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydicom import dcmread

from benchmarks.errors import BenchmarkFailed

PIECE = 4 << 20
PREAMBLE = 132
GROUP_LENGTH = PREAMBLE + 12  # where the value of (0002,0000) ends: PS3.10 7.1


@dataclass(frozen=True, slots=True)
class DataSet:
    """Where a data set lies in a DICOM file: behind the file meta information."""

    path: Path
    start: int
    size: int


def data_sets(paths: Iterable[Path]) -> dict[str, DataSet]:
    """The data set of each file by its SOP Instance UID; BenchmarkFailed where one comes twice."""
    found: dict[str, DataSet] = {}
    for path in paths:
        sop_uid = str(dcmread(path, specific_tags=["SOPInstanceUID"]).SOPInstanceUID)
        if sop_uid in found:
            raise BenchmarkFailed(f"instance {sop_uid} was kept twice")
        with path.open("rb") as file:
            head = file.read(GROUP_LENGTH)
        start = GROUP_LENGTH + int.from_bytes(head[-4:], "little")
        found[sop_uid] = DataSet(path, start, path.stat().st_size - start)
    return found


def verify(sent: Mapping[str, DataSet], kept: Iterable[Path], receiver: str) -> None:
    """Return where every data set was kept as it was sent, once, and nothing else was.

    Raises
    ------
    BenchmarkFailed
    """
    found = data_sets(kept)
    if found.keys() != sent.keys():
        raise BenchmarkFailed(f"{receiver} kept {len(found)} instances of {len(sent)}, or others")
    for sop_uid, data_set in sent.items():
        if not _is_same(data_set, found[sop_uid]):
            raise BenchmarkFailed(f"{receiver} changed instance {sop_uid}")


def _is_same(one: DataSet, other: DataSet) -> bool:
    if one.size != other.size:
        return False
    with one.path.open("rb") as first, other.path.open("rb") as second:
        first.seek(one.start)
        second.seek(other.start)
        while piece := first.read(PIECE):
            if piece != second.read(len(piece)):
                return False
    return True
