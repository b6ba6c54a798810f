"""One scene in the patient's millimetres, imaged in any orientation, and its segmentation.

Three cubes tell the directions apart: one to the patient's left, one to the front, one to the head.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydicom import Dataset, FileDataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SegmentationStorage

from tests.builders import an_image, uid, write_series

SIZE, STEP_MM, HALF_MM = 33, 2.0, 5.0
CUBES = {400: (20, 0, 0), 600: (0, -20, 0), 800: (0, 0, 20)}  # value: centre in LPS
LEFT, FRONT, HEAD = CUBES
OBLIQUE = np.deg2rad(12)
ORIENTATIONS = {
    "axial": [1, 0, 0, 0, 1, 0],
    "sagittal": [0, 1, 0, 0, 0, -1],
    "coronal": [1, 0, 0, 0, 0, -1],
    "feet first": [-1, 0, 0, 0, 1, 0],
    "oblique": [np.cos(OBLIQUE), 0, -np.sin(OBLIQUE), 0, 1, 0],
}


def a_scene(orientation: Sequence[float], *, slice_mm: float = STEP_MM) -> list[Dataset]:
    """The scene as MR slices of this orientation, ascending along their normal."""
    across, down = np.array(orientation[:3], float), np.array(orientation[3:], float)
    normal = np.cross(across, down)
    middle = (SIZE - 1) / 2
    images = []
    for index in range(SIZE):
        position = normal * slice_mm * (index - middle) - (across + down) * STEP_MM * middle
        rows, columns = np.mgrid[:SIZE, :SIZE]
        places = position + columns[..., None] * across * STEP_MM + rows[..., None] * down * STEP_MM
        plane = np.zeros((SIZE, SIZE), np.int16)
        for value, centre in CUBES.items():
            plane[(np.abs(places - centre) <= HALF_MM).all(axis=-1)] = value
        images.append(
            an_image(
                "MR",
                index,
                plane,
                spacing_mm=(slice_mm, STEP_MM, STEP_MM),
                ImageOrientationPatient=[float(value) for value in orientation],
                ImagePositionPatient=[float(value) for value in position],
                WindowCenter=400,
                WindowWidth=800,
            )
        )
    return images


def a_seg(images: Sequence[Dataset], values: Sequence[int], *, shuffled: bool = False) -> Dataset:
    """A binary SEG of the pixels with these values, one segment each, frames in any order.

    Its frames are packed bit after bit, so that they begin in the middle of bytes (PS3.5 8.1.1).
    """
    frames = [
        (image, number, mask)
        for image in images
        for number, value in enumerate(values, 1)
        if (mask := image.pixel_array == value).any()
    ]
    if shuffled:
        np.random.default_rng(1).shuffle(frames)
    seg = _empty_seg(images[0], len(values))
    seg.SharedFunctionalGroupsSequence = [Dataset()]
    shared = seg.SharedFunctionalGroupsSequence[0]
    if "ImageOrientationPatient" in images[0]:
        shared.PlaneOrientationSequence = [_item(images[0], "ImageOrientationPatient")]
        shared.PixelMeasuresSequence = [_item(images[0], "PixelSpacing")]
    seg.PerFrameFunctionalGroupsSequence = [_groups(image, number) for image, number, _ in frames]
    seg.NumberOfFrames = len(frames)
    bits = np.concatenate([mask.ravel() for _image, _number, mask in frames])
    packed = np.packbits(bits, bitorder="little").tobytes()
    seg.PixelData = packed + b"\0" * (len(packed) % 2)
    return seg


def write(folder: Path, images: Sequence[Dataset]) -> list[Path]:
    """The images as files, in the order of their names, which is no order of theirs."""
    return sorted(write_series(folder, list(images)))


def _groups(image: Dataset, number: int) -> Dataset:
    groups = Dataset()
    source = Dataset()
    source.ReferencedSOPClassUID = image.SOPClassUID
    source.ReferencedSOPInstanceUID = image.SOPInstanceUID
    derivation = Dataset()
    derivation.SourceImageSequence = [source]
    groups.DerivationImageSequence = [derivation]
    groups.SegmentIdentificationSequence = [Dataset()]
    groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber = number
    if "ImagePositionPatient" in image:
        groups.PlanePositionSequence = [_item(image, "ImagePositionPatient")]
    return groups


def _item(image: Dataset, keyword: str) -> Dataset:
    item = Dataset()
    item[keyword] = image[keyword]
    return item


def _empty_seg(image: Dataset, segments: int) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SegmentationStorage
    meta.MediaStorageSOPInstanceUID = uid("seg")
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    seg = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    seg.SOPClassUID, seg.SOPInstanceUID = SegmentationStorage, uid("seg")
    seg.SegmentationType = "BINARY"
    seg.Rows, seg.Columns = image.Rows, image.Columns
    seg.SamplesPerPixel, seg.PhotometricInterpretation = 1, "MONOCHROME2"
    seg.BitsAllocated, seg.BitsStored, seg.HighBit, seg.PixelRepresentation = 1, 1, 0, 0
    seg.SegmentSequence = []
    for number in range(1, segments + 1):
        segment = Dataset()
        segment.SegmentNumber = number
        segment.SegmentLabel = f"segment {number}"
        seg.SegmentSequence.append(segment)
    return seg
