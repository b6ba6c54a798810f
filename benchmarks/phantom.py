"""A CT series like a scanner's, and twenty organs in it: the same bytes each time.

A trunk of soft tissue in air with the noise of a scan, and ellipsoids of the sizes and places of
organs, in Hounsfield units of their own. Each has an outline that is smooth, as a network's is, and
lies in a third of the slices, as organs do: what a SEG costs depends on both.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from pipelines.models.card import Code, Segment
from tests.builders import an_image, uid, write_series

SEGMENTS = 20
SPACING_MM = (1.0, 0.8, 0.8)
AIR_HU, TISSUE_HU, NOISE_HU = -1000, 40, 12
ANATOMY = Code(value="123037004", scheme="SCT", meaning="Anatomical Structure")
ORGAN = Code(value="113343008", scheme="SCT", meaning="Organ")
SMALLEST, LARGEST = (0.05, 0.035, 0.10), (0.10, 0.07, 0.24)  # half axes, of the size along x, y, z


def outlines(slices: int, side: int) -> NDArray[np.uint8]:
    """The label map, ``[z, y, x]``: 0, or the number of an organ; later ones lie on top."""
    labels = np.zeros((slices, side, side), np.uint8)
    z, y, x = (np.linspace(0, 1, size, dtype=np.float32) for size in labels.shape)
    for number in range(1, SEGMENTS + 1):
        part = (number - 1) / (SEGMENTS - 1)
        angle = 2.4 * number  # the golden angle: neighbours in number lie apart
        centre = (
            0.5 + 0.28 * np.cos(angle) * np.sqrt(part),
            0.5 + 0.20 * np.sin(angle) * np.sqrt(part),
            0.25 + 0.5 * ((number * 7) % SEGMENTS) / SEGMENTS,
        )
        size = ((number * 3) % 7) / 6
        half = [low + (high - low) * size for low, high in zip(SMALLEST, LARGEST, strict=True)]
        across = ((x - centre[0]) / half[0]) ** 2
        down = ((y - centre[1]) / half[1]) ** 2
        along = ((z - centre[2]) / half[2]) ** 2
        for index in np.flatnonzero(along < 1):
            inside = down[:, None] + across < 1 - along[index]
            labels[index][inside] = number
    return labels


def segments() -> list[Segment]:
    """What the numbers of `outlines` stand for."""
    return [
        Segment(
            number=number, label=f"Organ {number}", category=ANATOMY, type=ORGAN,
            colour=(10 * number, 255 - 10 * number, 128),
        )
        for number in range(1, SEGMENTS + 1)
    ]  # fmt: skip


def write_source(folder: Path, labels: NDArray[np.uint8]) -> list[Path]:
    """The series in which `labels` lie, a file for each slice."""
    noise = np.random.default_rng(1)
    side = labels.shape[1]
    y, x = (np.linspace(-1, 1, side, dtype=np.float32) for _axis in range(2))
    trunk = (y[:, None] / 0.7) ** 2 + (x / 0.9) ** 2 < 1
    organs = np.linspace(-60, 300, SEGMENTS + 1, dtype=np.float32).round()
    paths = []
    for index, plane in enumerate(labels):
        hounsfield = np.where(trunk, TISSUE_HU, AIR_HU) + noise.normal(0, NOISE_HU, plane.shape)
        hounsfield += np.where(plane > 0, organs[plane], 0)
        stored = (hounsfield + 1024).round().clip(0, 4095).astype("<i2")
        image = an_image("CT", index, stored, key="results", spacing_mm=SPACING_MM, **_header())
        image.BitsStored, image.HighBit = 12, 11
        paths += write_series(folder, [image])
    return paths


def _header() -> dict[str, Any]:
    """What a scanner writes beside what every image must have; a private block among it."""
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator = "CTTHABD", "99LOCAL"
    code.CodeMeaning = "CT thorax and abdomen"
    request = Dataset()
    request.RequestedProcedureID = request.ScheduledProcedureStepID = "1"
    request.ScheduledProtocolCodeSequence = [code]
    scout = Dataset()
    scout.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    scout.ReferencedSOPInstanceUID = uid("results", "scout")
    return {
        "InstitutionName": "Benchmark Hospital", "StationName": "CT1",
        "StudyDescription": "CT thorax and abdomen", "ProcedureCodeSequence": [code],
        "RequestAttributesSequence": [request], "ReferencedImageSequence": [scout],
        "PatientAge": "055Y", "PatientWeight": "70", "BodyPartExamined": "CHEST",
        "ScanOptions": "HELICAL MODE", "DataCollectionDiameter": "500.0",
        "ReconstructionDiameter": "409.6", "DistanceSourceToDetector": "946.746",
        "DistanceSourceToPatient": "538.52", "GantryDetectorTilt": "0.0", "TableHeight": "151.4",
        "RotationDirection": "CW", "ExposureTime": "500", "XRayTubeCurrent": "320",
        "Exposure": "160", "FilterType": "BODY FILTER", "GeneratorPower": "38400",
        "FocalSpots": "1.2", "ConvolutionKernel": "STANDARD", "RevolutionTime": 0.5,
        "SingleCollimationWidth": 0.625, "TotalCollimationWidth": 40.0, "TableSpeed": 78.75,
        "TableFeedPerRotation": 39.375, "SpiralPitchFactor": 0.984375, "ProtocolName": "6.1 Chest",
        "AcquisitionDateTime": "20260102030405", "WindowCenter": "40", "WindowWidth": "400",
        "SmallestImagePixelValue": 0, "LargestImagePixelValue": 4095,
        "PerformedProcedureStepStartDate": "20260102", "PerformedProcedureStepStartTime": "030405",
        "PerformedProcedureStepID": "1", "PixelPaddingValue": -2000,
    }  # fmt: skip
