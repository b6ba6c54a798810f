"""What dcmqi, the reader of the ITK world, makes of a segmentation."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import SimpleITK as sitk


class ItkSegment(NamedTuple):
    """One segment as an ITK image of zeros and its number."""

    label: str
    type_code: str
    image: sitk.Image


def read_segments(seg: Path, folder: Path) -> list[ItkSegment]:
    """Every segment of the SEG file, by ``segimage2itkimage``."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [Path(sys.executable).with_name("segimage2itkimage"), "--inputDICOM", seg,
               "--outputDirectory", folder, "--outputType", "nrrd", "--prefix", "s"]  # fmt: skip
    done = subprocess.run(map(str, command), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads((folder / "s-meta.json").read_text())
    described = {item["labelID"]: item for group in told["segmentAttributes"] for item in group}
    return [
        ItkSegment(
            described[number]["SegmentLabel"],
            described[number]["SegmentedPropertyTypeCodeSequence"]["CodeValue"],
            sitk.ReadImage(str(folder / f"s-{number}.nrrd")),
        )
        for number in sorted(described)
    ]
