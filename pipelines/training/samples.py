"""The public CT series behind the shipped weights, each checked by its hash before use.

A series is named by where it was published, never by where it lies on a machine. Nothing under a
non-commercial or share-alike licence is listed here.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import nibabel
import nrrd
import numpy as np
import pydicom

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


class SampleChanged(Exception):
    """A training file is missing or is not the file that the figures were made with."""


@dataclass(frozen=True, slots=True)
class Series:
    """A CT series on disk.

    Attributes
    ----------
    source : str
        Repository and revision, or package and version, with the path inside.
    folder, pattern : str
        Where the files lie under the samples folder.
    sha256 : str
        Hash over the sorted lines ``<sha256 of file>  <file name>``.
    labels : str
        File with a TotalSegmentator label map on the same grid, or empty.
    """

    name: str
    source: str
    licence: str
    folder: str
    pattern: str
    sha256: str
    labels: str = ""


@dataclass(frozen=True, slots=True)
class Scan:
    """A series in memory: HU as (z, y, x), y to the back, z to the head, spacing likewise in mm."""

    name: str
    hu: NDArray[np.float32]
    spacing_mm: tuple[float, float, float]
    labels: NDArray[np.uint8] | None = None


LUNG1 = Series(
    "lung1",
    "PyPI pyradiomics-3.0.1.tar.gz: data/lung1_image.nrrd",
    "BSD-3-Clause",
    "ct-chest-lung1-nrrd",
    "lung1_image.nrrd",
    "2883e8b8abbe04f6f7cbfa25a408a465343e8e26d46e0836edaa14b8d07b44c2",
)
CRLM = Series(
    "crlm-ct-1004",
    "TCIA Colorectal-Liver-Metastases CRLM-CT-1004, from GitHub oncoray/mirp d8a6a7264a4d:"
    " test/data/ct_images_seg/CRLM-CT-1004/image",
    "CC BY 4.0",
    "ct-abdomen-crlm-ct-1004",
    "*.dcm",
    "90ea72fba08f74ef2b49c38f8c699009d3fb8e6c3893c4f05d194102b1d28f44",
)
TRUNK = Series(
    "totalsegmentator-example",
    "GitHub wasserth/TotalSegmentator 0e65a448d557: tests/reference_files/example_ct.nii.gz",
    "Apache-2.0",
    "ct-body-totalseg",
    "example_ct.nii.gz",
    "af964c173b50aa24426e646314ffba4cb40f812c44994338f6ad2abc08409ec6",
    "example_seg_fast_force_split.nii.gz",
)
ABDOMEN = Series(
    "totalsegmentator-dicom",
    "GitHub wasserth/TotalSegmentator 0e65a448d557: tests/reference_files/example_ct_dicom",
    "Apache-2.0",
    "ct-body-totalseg/dicom",
    "CT.*",
    "b4d0831f343498b0c98e3bdc9306ddd0c6d988b54d736c8e47a7f10fe628f4c1",
    "../example_seg_dicom.nii.gz",
)
HEAD = Series(
    "dcm-qa-ct-ge",
    "GitHub neurolabusc/dcm_qa_ct d03e30e4c5c8: In/GE",
    "BSD-2-Clause",
    "ct-head-ge-tilt",
    "*.dcm",
    "e2173b860cad2d0d460c6a5793d36778811ff440a9224b3e8f3c5728e15e8389",
)
LIMB_PHANTOM = Series(
    "ct-phantom-healthy-ortho-01",
    "Zenodo 4564338, from GitHub DIAGNijmegen/rse-panimg 926e864928e9:"
    " tests/resources/dicom_enhanced/slice*.dcm",
    "CC BY 4.0",
    "ct-phantom-mf-vs-classic",
    "slice*.dcm",
    "d1efe14f1bfccc95af14b38ff4ae0fd6d26ba739c97f8b6a3b0ff9bda014b06b",
)
EVERY_SERIES = (LUNG1, CRLM, TRUNK, ABDOMEN, HEAD, LIMB_PHANTOM)


def load(series: Series, samples: Path) -> Scan:
    """Give a series in memory after its files were found unchanged.

    Raises
    ------
    SampleChanged
        When the files' hash is not the one the figures were made with.
    """
    folder = samples / series.folder
    files = sorted(folder.glob(series.pattern))
    if hash_of(files) != series.sha256:
        raise SampleChanged(f"{series.name}: the files are not those of {series.source}")
    if files[0].suffix == ".nrrd":
        array, header = nrrd.read(str(files[0]))
        x, y, z = (float(np.linalg.norm(row)) for row in header["space directions"])
        return Scan(series.name, array.transpose(2, 1, 0).astype(np.float32), (z, y, x))
    if files[0].suffix == ".gz":
        hu, spacing = _read_nifti(files[0])
    else:
        hu, spacing = _read_dicom(files)
    labels = _read_nifti(folder / series.labels)[0].astype(np.uint8) if series.labels else None
    return Scan(series.name, hu, spacing, labels)


def hash_of(files: list[Path]) -> str:
    """Give the SHA-256 over the sorted lines ``<sha256>  <name>`` of `files`."""
    lines = sorted(
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}" for file in files
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _read_nifti(file: Path) -> tuple[NDArray[np.float32], tuple[float, float, float]]:
    """Turn a NIfTI image to (z, y, x) in LPS order, as CT slices are stored."""
    image = nibabel.as_closest_canonical(nibabel.load(file))
    x, y, z = (float(step) for step in image.header.get_zooms())
    array = np.asarray(image.dataobj, dtype=np.float32)[::-1, ::-1].transpose(2, 1, 0)
    return np.ascontiguousarray(array), (z, y, x)


def _read_dicom(files: list[Path]) -> tuple[NDArray[np.float32], tuple[float, float, float]]:
    slices = sorted(
        (pydicom.dcmread(file) for file in files), key=lambda ds: float(ds.ImagePositionPatient[2])
    )
    first = slices[0]
    hu = np.stack(
        [ds.pixel_array * float(ds.RescaleSlope) + float(ds.RescaleIntercept) for ds in slices]
    )
    heights = [float(ds.ImagePositionPatient[2]) for ds in slices]
    y, x = (float(step) for step in first.PixelSpacing)
    return hu.astype(np.float32), (float(np.median(np.diff(heights))), y, x)
