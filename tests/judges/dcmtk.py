"""dcmtk's rendering of single bits: a segmentation's frames as pictures, whatever their place."""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pydicom

from tests.tools import program


def count_voxels(seg: Path, folder: Path) -> Counter[str]:
    """Pixels that dcm2pnm draws for each segment of a BINARY segmentation, by label."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [program("dcm2pnm", package="dcmtk"), "+Fa", "+op", "+Wm", seg, folder / "frame"]
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    header = pydicom.dcmread(seg, stop_before_pixels=True)
    labels = {int(item.SegmentNumber): str(item.SegmentLabel) for item in header.SegmentSequence}
    shared = header.SharedFunctionalGroupsSequence[0]
    found: Counter[str] = Counter()
    for index, group in enumerate(header.PerFrameFunctionalGroupsSequence):
        named = group.get("SegmentIdentificationSequence") or shared.SegmentIdentificationSequence
        (picture,) = folder.glob(f"frame.{index}.pgm")
        drawn = int(np.count_nonzero(_pixels(picture.read_bytes())))
        found[labels[int(named[0].ReferencedSegmentNumber)]] += drawn
    return found


def _pixels(pgm: bytes) -> np.ndarray:
    """The pixels of a binary PGM, a byte each, after its header's four words."""
    magic, width, height, _maximum = pgm[:40].split(None, 4)[:4]
    assert magic == b"P5"
    return np.frombuffer(pgm[-int(width) * int(height) :], np.uint8)
