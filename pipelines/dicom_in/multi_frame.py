"""Enhanced CT and MR objects as volumes: each stack of each object, each phase of a stack.

A stack that is spread over several objects is not put together, unless each holds one frame.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from pipelines.dicom_in.functional_groups import frame_headers
from pipelines.dicom_in.geometry import stack_slices
from pipelines.dicom_in.instances import refuse_kind
from pipelines.dicom_in.phases import PHASE_KEYWORDS, split_phases
from pipelines.dicom_in.slices import fill, refuse_unlike
from pipelines.digest import content_digest_of_frames
from pipelines.errors import PipelineRefused
from pipelines.header import numbers, whole_number
from pipelines.stored_pixels import StoredPixels, stored_values, stored_words
from pipelines.volume import StoredFrame, Volume

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydicom import Dataset

_KEYWORDS = (*PHASE_KEYWORDS, "ComplexImageComponent", "DimensionIndexValues")
_BROKEN = (AttributeError, LookupError, OverflowError, TypeError, ValueError, struct.error)


class _Frame(NamedTuple):
    """A frame, its header in the words of a single image, and its object's digest."""

    header: Dataset
    stored: StoredFrame
    digest: str


def volumes_of(images: Sequence[Dataset]) -> list[Volume]:
    """The volumes that Enhanced objects of one series hold; each frame belongs to one of them.

    They come in the order of the objects' Instance Numbers, of Stack IDs, and of phases
    (`pipelines.dicom_in.phases`), whatever order the objects and their frames are in.

    Raises
    ------
    PipelineRefused
        ``concatenation``, ``bad-functional-groups``, ``unreadable``, and what a series of single
        images is refused for.
    """
    for image in images:
        _refuse_part(image)
    every = [frame for image in sorted(images, key=_order) for frame in _frames_of(image)]
    return [_volume(phase) for stack in _stacks(every) for phase in _phases(stack)]


def _order(image: Dataset) -> tuple[int, str]:
    return whole_number(image, "InstanceNumber"), str(image.SOPInstanceUID)


def _refuse_part(image: Dataset) -> None:
    """Refuse a part of a larger object: its frames are numbered in the whole (C.7.6.16.2.2.4)."""
    if image.get("ConcatenationUID") or image.get("InConcatenationNumber"):
        raise PipelineRefused(
            "concatenation", "The object is part of a concatenation; whole objects are wanted."
        )


def _frames_of(image: Dataset) -> list[_Frame]:
    try:
        headers = frame_headers(image)
        for header in headers:
            refuse_kind(header)
        words = stored_words(image)
        values = (stored_values(plane, image) for plane in words)
        digest = content_digest_of_frames(image, values)
    except _BROKEN as error:
        raise PipelineRefused("unreadable", "The header of an instance is damaged.") from error
    return [
        _Frame(header, StoredFrame(image, number, plane), digest)
        for number, (header, plane) in enumerate(zip(headers, words, strict=True), start=1)
    ]


def _stacks(frames: Sequence[_Frame]) -> list[list[_Frame]]:
    """Frames of the same object and Stack ID; objects of a single frame count as one object."""
    found: dict[tuple[str, tuple[float, ...], str], list[_Frame]] = defaultdict(list)
    for frame in frames:
        image = frame.stored.image
        alone = whole_number(image, "NumberOfFrames", 1) > 1
        stack = str(frame.header.get("StackID", None) or "")
        number = (float(stack),) if stack.isdecimal() else ()
        found[str(image.SOPInstanceUID) if alone else "", number, stack].append(frame)
    objects = {uid: place for place, uid in enumerate(dict.fromkeys(key[0] for key in found))}
    return [found[key] for key in sorted(found, key=lambda key: (objects[key[0]], *key[1:]))]


def _phases(stack: Sequence[_Frame]) -> Iterator[list[_Frame]]:
    by_header = {id(frame.header): frame for frame in stack}
    placed = all(len(numbers(frame.header, "ImagePositionPatient")) == 3 for frame in stack)
    headers = [frame.header for frame in stack]
    for phase in split_phases(headers, _KEYWORDS) if placed else [headers]:
        yield [by_header[id(header)] for header in phase]


def _volume(frames: Sequence[_Frame]) -> Volume:
    headers = [frame.header for frame in frames]
    refuse_unlike(headers)
    stack = stack_slices(headers)
    ordered = [frames[index] for index in stack.order]
    headers = [frame.header for frame in ordered]
    array, padding = fill(headers, (_pixels(frame.stored) for frame in ordered))
    digests = list({id(frame.stored.image): frame.digest for frame in ordered}.values())
    stored = [frame.stored for frame in ordered]
    return Volume(array, stack.affine, padding, headers, digests, stored)


def _pixels(frame: StoredFrame) -> StoredPixels:
    words = frame.words[None]
    return StoredPixels(words, stored_values(words, frame.image))
