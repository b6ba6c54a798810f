"""The images of one series as a `Volume`: single-frame images, or frames of Enhanced objects."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pipelines.dicom_in.geometry import stack_slices
from pipelines.dicom_in.instances import digest, is_multi_frame, read_instances
from pipelines.dicom_in.multi_frame import volumes_of
from pipelines.dicom_in.phases import split_phases
from pipelines.dicom_in.slices import fill, refuse_unlike
from pipelines.dicom_in.values import refuse_too_large
from pipelines.errors import PipelineRefused
from pipelines.header import whole_number
from pipelines.stored_pixels import GREY, decode
from pipelines.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pydicom import Dataset

    from pipelines.stored_pixels import StoredPixels


def read_volume(paths: Sequence[Path | str]) -> Volume:
    """The one regular stack that the files hold, sorted along its normal.

    Raises
    ------
    PipelineRefused
        With the codes of `read_instances`, `stack_slices`, `pipelines.stored_pixels.decode`,
        `pipelines.dicom_in.values` and `pipelines.dicom_in.multi_frame`; ``multi-frame``;
        ``several-stacks`` of an Enhanced object; ``mixed-*`` for what differs between slices.
    """
    images = _read_alike(paths)
    if not is_multi_frame(images[0]):
        return _stack(images)
    volumes = volumes_of(images)
    if len(volumes) > 1:
        raise PipelineRefused("several-stacks", f"{len(volumes)} stacks; one is wanted.")
    return volumes[0]


def read_volumes(paths: Sequence[Path | str]) -> list[Volume]:
    """Every stack and phase of a series as a volume; mostly one.

    Raises
    ------
    PipelineRefused
        As `read_volume`.
    """
    images = _read_alike(paths)
    if is_multi_frame(images[0]):
        return volumes_of(images)
    return [_stack(phase) for phase in split_phases(images)]


def _read_alike(paths: Sequence[Path | str]) -> list[Dataset]:
    """Grey images of one series, alike in everything but place and content."""
    images = read_instances(paths)
    for image in images:
        _refuse_unfit(image)
    refuse_unlike(images)
    size = [whole_number(images[0], word) for word in ("Rows", "Columns")]
    frames = sum(whole_number(image, "NumberOfFrames", 1) for image in images)
    refuse_too_large(frames * math.prod(size))
    return images


def _stack(images: Sequence[Dataset]) -> Volume:
    stack = stack_slices(images)
    images = [images[index] for index in stack.order]
    digests: list[str] = []

    def pixels() -> Iterator[StoredPixels]:
        for image in images:
            stored = decode(image)
            digests.append(digest(image, stored))
            yield stored

    array, padding = fill(images, pixels())
    return Volume(array, stack.affine, padding, images, digests)


def _refuse_unfit(image: Dataset) -> None:
    if whole_number(image, "NumberOfFrames", 1) > 1 and not is_multi_frame(image):
        raise PipelineRefused(
            "multi-frame", "An object of several frames; single-frame slices are wanted."
        )
    if str(image.get("PhotometricInterpretation", "")) not in GREY and "PixelData" in image:
        raise PipelineRefused("not-grey", "The slices are in colour; grey ones are wanted.")
