"""What plastimatch, a program of radiotherapy, fills of a structure set."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from tests.tools import program


def read_structures(structures: Path, series: Path, folder: Path) -> dict[str, sitk.Image]:
    """The mask of each structure by its name, on the grid of the series in the folder `series`."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [program("plastimatch", package="plastimatch"), "convert", "--input", structures,
               "--referenced-ct", series, "--output-prefix", folder,
               "--prefix-format", "nrrd"]  # fmt: skip
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return {path.stem: sitk.ReadImage(str(path)) for path in folder.glob("*.nrrd")}


def dice(one: sitk.Image, other: sitk.Image) -> float:
    """How alike two masks are, the second brought to the grid of the first; 1 is equal."""
    placed = sitk.Resample(other, one, sitk.Transform(), sitk.sitkNearestNeighbor)
    first, second = (sitk.GetArrayViewFromImage(image) > 0 for image in (one, placed))
    return float(2 * np.count_nonzero(first & second) / (first.sum() + second.sum()))
