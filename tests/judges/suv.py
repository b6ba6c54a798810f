"""SUVbw from a PET file alone, by the vendor-neutral formula: nothing of the product takes part.

Activity times body weight by the dose that was left at the time to which the scanner corrected
(PS3.3 C.8.9.1; QIBA FDG-PET/CT Profile).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
from pydicom import Dataset


def suv_of(path: Path) -> np.ndarray:
    """SUVbw of every pixel of an uncompressed little-endian file, ``(y, x)``."""
    image = pydicom.dcmread(path)
    stored = stored_values(image).astype(np.float64)
    activity = stored * float(image.RescaleSlope) + float(image.RescaleIntercept)
    return activity * factor(image)


def stored_values(image: Dataset) -> np.ndarray:
    """The 16-bit words as they lie in the file."""
    kind = "<i2" if image.PixelRepresentation == 1 else "<u2"
    return np.frombuffer(image.PixelData, kind).reshape(image.Rows, image.Columns)


def factor(image: Dataset) -> float:
    """g/mL per Bq/mL."""
    drug = image.RadiopharmaceuticalInformationSequence[0]
    dose = float(drug.RadionuclideTotalDose)
    if image.DecayCorrection == "START":
        waited = _seconds(image.SeriesTime) - _seconds(drug.RadiopharmaceuticalStartTime)
        dose *= 2.0 ** (-waited / float(drug.RadionuclideHalfLife))
    else:
        assert image.DecayCorrection == "ADMIN"
    return float(image.PatientWeight) * 1000 / dose


def _seconds(time: str) -> float:
    text = str(time)
    return int(text[:2]) * 3600 + int(text[2:4]) * 60 + float(text[4:])
