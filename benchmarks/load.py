"""The images that are sent: made once, in Explicit VR Little Endian, with pixels that are noise.

CT: 512x512 slices in 16 series of 4 studies. DX: 16 images of 25 MB. US: 16 multi-frame objects of
63 MB. GB: one multi-frame object of 1,049 MB. Each is split evenly over n associations: the part
of an association is every n-th series.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom import Dataset
from pydicom.uid import (
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    UltrasoundMultiFrameImageStorage,
)

from benchmarks.verify import DataSet, data_sets
from tests.builders import an_image, uid, write_series

KINDS = ("CT", "DX", "US", "GB")
SERIES, SERIES_OF_A_STUDY = 16, 4
SIDE = 1024  # rows and columns of a US frame
DX_ROWS, DX_COLUMNS = 4096, 3072
FRAMES = {"US": 60, "GB": 1000}


@dataclass(frozen=True, slots=True)
class Load:
    """Images of one kind, a folder for each series, and their data sets by SOP Instance UID."""

    kind: str
    folder: Path
    studies: tuple[int, ...]  # of each series
    sent: dict[str, DataSet]

    @property
    def megabytes(self) -> float:
        """Size of all data sets in 10^6 bytes."""
        return sum(one.size for one in self.sent.values()) / 1e6

    def parts(self, n: int) -> list[Path]:
        """A folder for each of `n` associations, with links to its series."""
        folder = self.folder.with_name(f"{self.folder.name}-{n}")
        for number in range(len(self.studies)):
            part = folder / str(number % n) / str(number)
            if not part.exists():
                part.mkdir(parents=True)
                for path in (self.folder / str(number)).iterdir():
                    os.link(path, part / path.name)
        return sorted(folder.iterdir())

    def transfers(self, n: int) -> int:
        """How often an association brings something of a study: an audit row for each."""
        return sum(len(set(self.studies[first::n])) for first in range(n))


def make_load(folder: Path, kind: str, *, slices: int, shrink: int) -> Load:
    """The load of one kind: `slices` of CT in all; `shrink` divides the size of large objects."""
    series = 1 if kind == "GB" else SERIES
    noise = np.random.default_rng(KINDS.index(kind))
    for number in range(series):
        part = folder / kind / str(number)
        part.mkdir(parents=True)
        if kind == "CT":
            _write_slices(part, number, slices // SERIES, noise)
        else:
            _write_large(part, _large(kind, number, shrink), noise)
    together = SERIES_OF_A_STUDY if kind == "CT" else 1
    studies = tuple(number // together for number in range(series))
    return Load(kind, folder / kind, studies, data_sets((folder / kind).rglob("*.dcm")))


def _write_slices(folder: Path, number: int, slices: int, noise: np.random.Generator) -> None:
    study = number // SERIES_OF_A_STUDY
    for index in range(slices):
        pixels = noise.normal(1024, 60, (512, 512)).astype("<i2")
        image = an_image("CT", index, pixels, key=f"CT {study}", series=number + 1)
        reference = Dataset()
        reference.ReferencedSOPClassUID = CTImageStorage
        reference.ReferencedSOPInstanceUID = uid("scout", study)
        image.ReferencedImageSequence = [reference]
        write_series(folder, [image])


def _large(kind: str, number: int, shrink: int) -> Dataset:
    """The header of a large object."""
    nothing = np.zeros((1, 1), "<u2")
    image = an_image("CR" if kind == "DX" else "US", 0, nothing, key=f"{kind} {number}")
    if kind == "DX":
        image.Modality = "DX"
        image.SOPClassUID = DigitalXRayImageStorageForPresentation
        image.Rows, image.Columns = DX_ROWS // shrink, DX_COLUMNS
    else:
        image.SOPClassUID = UltrasoundMultiFrameImageStorage
        image.Rows, image.Columns = SIDE, SIDE
        image.NumberOfFrames = max(FRAMES[kind] // shrink, 1)
        image.BitsAllocated = image.BitsStored = 8
        image.HighBit = 7
    image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID
    return image


def _write_large(folder: Path, image: Dataset, noise: np.random.Generator) -> None:
    """Write header and pixels one after the other: a gigabyte is never in memory."""
    path = folder / "large.dcm"
    frame = image.Rows * image.Columns * image.BitsAllocated // 8
    frames = int(image.get("NumberOfFrames", 1))
    vr = b"OB" if image.BitsAllocated == 8 else b"OW"
    del image.PixelData
    image.save_as(path, enforce_file_format=True)
    with path.open("ab") as file:
        # An element with a length of four bytes: PS3.5 7.1.2.
        file.write(struct.pack("<HH2sHI", 0x7FE0, 0x0010, vr, 0, frame * frames))
        file.writelines(_noise(noise, frame, frames))


def _noise(noise: np.random.Generator, size: int, times: int) -> Iterator[bytes]:
    for _ in range(times):
        yield noise.bytes(size)
