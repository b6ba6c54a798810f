"""DICOM objects made up for tests: valid, small, and different from each other where it matters."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import Dataset, FileDataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    CTImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    NuclearMedicineImageStorage,
    PositronEmissionTomographyImageStorage,
    UltrasoundImageStorage,
)

SOP_CLASS = {
    "CT": CTImageStorage,
    "MR": MRImageStorage,
    "PT": PositronEmissionTomographyImageStorage,
    "CR": ComputedRadiographyImageStorage,
    "US": UltrasoundImageStorage,
    "NM": NuclearMedicineImageStorage,
}
CANARY = "Zzphi^Jane"


def uid(*parts: object) -> str:
    """A UID that is the same for the same parts."""
    digest = hashlib.sha256("|".join(map(str, parts)).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16])}"


def a_series(  # noqa: PLR0913 - a builder: every argument has a default and is named by the caller
    modality: str = "CT",
    *,
    slices: int = 5,
    rows: int = 32,
    columns: int = 48,
    spacing_mm: tuple[float, float, float] = (2.0, 0.8, 0.8),
    key: object = "a",
    series: object = 1,
    pixels: np.ndarray | None = None,
    **overrides: Any,
) -> list[Dataset]:
    """An axial series; `pixels` are stored values ``[z, y, x]``, noise round 1000 by default."""
    if pixels is None:
        seed = int(hashlib.sha256(f"{key}{series}".encode()).hexdigest()[:8], 16)
        noise = np.random.default_rng(seed).normal(1000, 20, (slices, rows, columns))
        pixels = noise.clip(0, 4095).astype(np.int16)
    return [
        an_image(modality, index, plane, spacing_mm=spacing_mm, key=key, series=series, **overrides)
        for index, plane in enumerate(pixels)
    ]


def an_image(
    modality: str,
    index: int,
    plane: np.ndarray,
    *,
    spacing_mm: tuple[float, float, float] = (2.0, 0.8, 0.8),
    key: object = "a",
    series: object = 1,
    **overrides: Any,
) -> Dataset:
    """One single-frame image of study `key`; `overrides` set attributes, None deletes."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SOP_CLASS[modality]
    meta.MediaStorageSOPInstanceUID = uid(key, series, "sop", index)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    image.SpecificCharacterSet = "ISO_IR 192"
    image.SOPClassUID = SOP_CLASS[modality]
    image.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    image.StudyInstanceUID = uid(key, "study")
    image.SeriesInstanceUID = uid(key, series, "series")
    image.FrameOfReferenceUID = uid(key, "frame of reference")
    image.PatientName = CANARY
    image.PatientID = f"ZZ-{key}"
    image.PatientBirthDate = "19700101"
    image.PatientSex = "F"
    image.AccessionNumber = f"ACC{key}"[:16]
    image.StudyID = "1"
    image.StudyDate = image.SeriesDate = image.AcquisitionDate = image.ContentDate = "20260102"
    image.StudyTime = image.SeriesTime = image.AcquisitionTime = image.ContentTime = "030405"
    image.ReferringPhysicianName = ""
    image.Modality = modality
    image.Manufacturer = "Test Scanners"
    image.ManufacturerModelName = "One"
    image.SoftwareVersions = "7"
    image.SeriesDescription = f"{modality} test"
    image.SeriesNumber = series if isinstance(series, int) else 1
    image.InstanceNumber = index + 1
    image.PositionReferenceIndicator = ""
    image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    image.PatientPosition = "HFS"
    image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    image.ImagePositionPatient = [-10.0, -20.0, spacing_mm[0] * index]
    image.PixelSpacing = list(spacing_mm[1:])
    image.SliceThickness = spacing_mm[0]
    image.Rows, image.Columns = plane.shape
    image.SamplesPerPixel = 1
    image.PhotometricInterpretation = "MONOCHROME2"
    image.BitsAllocated = 16
    image.BitsStored = 16
    image.HighBit = 15
    image.PixelRepresentation = 1 if plane.dtype.kind == "i" else 0
    _ADD.get(modality, lambda _image: None)(image)
    image.PixelData = np.ascontiguousarray(plane).tobytes()
    image["PixelData"].VR = "OW"
    for keyword, value in overrides.items():
        if value is None:
            del image[keyword]
        else:
            setattr(image, keyword, value)
    return image


def _ct(image: Dataset) -> None:
    image.RescaleSlope = 1
    image.RescaleIntercept = -1024
    image.RescaleType = "HU"
    image.KVP = 120
    image.AcquisitionNumber = 1


def _mr(image: Dataset) -> None:
    image.ScanningSequence = "GR"
    image.SequenceVariant = "SP"
    image.ScanOptions = ""
    image.MRAcquisitionType = "3D"
    image.EchoTime = 4
    image.RepetitionTime = 10
    image.EchoTrainLength = 1
    image.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]


def _pt(image: Dataset) -> None:
    image.RescaleSlope = 2.5
    image.RescaleIntercept = 0
    image.Units = "BQML"
    image.CountsSource = "EMISSION"
    image.SeriesType = ["WHOLE BODY", "IMAGE"]
    image.NumberOfSlices = 5
    image.CorrectedImage = ["DECY", "ATTN", "SCAT"]
    image.DecayCorrection = "START"
    image.CollimatorType = "NONE"
    image.FrameReferenceTime = 0
    image.ActualFrameDuration = 60000
    image.ImageIndex = image.InstanceNumber
    image.DecayFactor = 1
    image.PatientWeight = 70
    image.ImageType = ["ORIGINAL", "PRIMARY"]
    drug = Dataset()
    drug.RadionuclideTotalDose = 3.7e8
    drug.RadionuclideHalfLife = 6586.2
    drug.RadiopharmaceuticalStartTime = "020405"
    image.RadiopharmaceuticalInformationSequence = [drug]


def _plane_only(image: Dataset) -> None:
    for keyword in ("ImageOrientationPatient", "ImagePositionPatient", "FrameOfReferenceUID"):
        del image[keyword]
    image.ImageType = ["ORIGINAL", "PRIMARY"]


_ADD = {"CT": _ct, "MR": _mr, "PT": _pt, "CR": _plane_only, "US": _plane_only, "NM": _plane_only}


def write_series(folder: Path, images: list[Dataset]) -> list[Path]:
    """Write every image to its own file and give the paths in the same order."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for image in images:
        path = folder / f"{image.SOPInstanceUID}.dcm"
        image.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths
