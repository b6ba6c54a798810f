"""The enhanced image of an Enhanced multi-frame source: an object of the same class and frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom import Dataset

from pipelines.dicom_out.attributes import FUNCTIONAL_GROUPS, keeps, tags
from pipelines.dicom_out.enhanced import put_origin, put_pixels, start
from pipelines.dicom_out.files import write
from pipelines.dicom_out.frame_groups import FRAME_TYPES, FrameGroups, frame_type, list_of
from pipelines.dicom_out.provenance import put, referenced_instance, uid_of
from pipelines.dicom_out.stored import Values, to_stored
from pipelines.header import whole_number
from pipelines.stored_pixels import StoredPixels, stored_values
from pipelines.verbatim import copy_verbatim, mark_encoded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from pipelines.dicom_out.provenance import Origin
    from pipelines.manifest import OutputFile
    from pipelines.volume import Volume


@dataclass(slots=True)
class _Unfinished:
    """An object whose frames are not all there yet."""

    image: Dataset
    digest: str
    words: NDArray[Any]
    missing: int
    clipped: int = 0


class MultiFrameWriter:
    """Puts the frames of volumes back into objects like those that they came in.

    The volumes of an object are the pipeline's one after the other; what it makes of them is kept
    as stored words, and the object is written when its last frame is there.
    """

    def __init__(self, origin: Origin, folder: Path) -> None:
        self._origin = origin
        self._folder = folder
        self._open: dict[str, _Unfinished] = {}

    def write(self, volume: Volume, after: NDArray[np.float32]) -> Iterator[tuple[OutputFile, int]]:
        """Take a volume's new values; gives each finished file and its clipped pixels.

        Parameters
        ----------
        volume : Volume
            Of frames; each frame of an object is expected once.
        """
        for image, digest in zip(volume.instances, volume.digests, strict=True):
            uid = str(image.SOPInstanceUID)
            if uid not in self._open:
                self._open[uid] = _begin(image, digest)
        for index, (header, frame) in enumerate(zip(volume.sources, volume.frames, strict=True)):
            unfinished = self._open[str(frame.image.SOPInstanceUID)]
            part = np.s_[index : index + 1]
            padding = None if volume.padding is None else volume.padding[part]
            words = frame.words[None]
            pixels = StoredPixels(words, stored_values(words, frame.image))
            stored = to_stored(header, pixels, Values(volume.array[part], after[part], padding))
            unfinished.words[frame.number - 1] = stored.words[0]
            unfinished.clipped += stored.clipped
            unfinished.missing -= 1
        for image in volume.instances:
            uid = str(image.SOPInstanceUID)
            if not self._open[uid].missing:
                yield self._finish(self._open.pop(uid))

    def _finish(self, whole: _Unfinished) -> tuple[OutputFile, int]:
        derived = derive(whole.image, whole.digest, self._origin)
        put_pixels(derived, whole.words)
        return write(derived, self._folder, "enhanced"), whole.clipped


def _begin(image: Dataset, digest: str) -> _Unfinished:
    frames = whole_number(image, "NumberOfFrames", 1)
    kind = "i" if int(image.PixelRepresentation) else "u"
    words = np.empty(
        (frames, int(image.Rows), int(image.Columns)), f"<{kind}{int(image.BitsAllocated) // 8}"
    )
    return _Unfinished(image, digest, words, frames)


def derive(image: Dataset, digest: str, origin: Origin) -> Dataset:
    """The header of the object derived from `image`, with its functional groups."""
    groups = tags(*FUNCTIONAL_GROUPS)
    copied = copy_verbatim(image, lambda tag: tag not in groups)
    keep = keeps(str(image.Modality), multi_frame=True)
    derived, plain = start(image, digest, origin, keep, copied)
    put(derived, {"ImageType": _image_type(image)})
    qualification = str(image.get("ContentQualification", "") or "")
    if origin.request.research_use and qualification != "SERVICE":
        qualification = "RESEARCH"  # ENH-23
    if qualification:
        put(derived, {"ContentQualification": qualification})
    derived.SourceImageEvidenceSequence = [
        *plain.get("SourceImageEvidenceSequence", []),
        _evidence(plain),
    ]
    put_origin(derived, plain, origin.card.derivation)
    FrameGroups(image, plain, origin).put_into(derived)
    return mark_encoded(derived)


def _image_type(image: Dataset) -> list[str]:
    """Image Type of the whole: what all its frames say, MIXED where they differ (C.8.16.1)."""
    holders = [*image.get("SharedFunctionalGroupsSequence", []),
               *image.PerFrameFunctionalGroupsSequence]  # fmt: skip
    contrasts = {
        frame_type(list_of(item, "FrameType"))[3]
        for holder in holders
        for keyword in FRAME_TYPES
        for item in holder.get(keyword) or []
    }
    values = frame_type(list_of(image, "ImageType"))
    return (
        [*values[:3], contrasts.pop() if len(contrasts) == 1 else "MIXED"] if contrasts else values
    )


def _evidence(image: Dataset) -> Dataset:
    """The source in its series and study (Source Image Evidence, C.8.13.2.1.2)."""
    study, series = Dataset(), Dataset()
    series.ReferencedSOPSequence = [referenced_instance(image)]
    uid_of(series, "SeriesInstanceUID", image)
    uid_of(study, "StudyInstanceUID", image)
    study.ReferencedSeriesSequence = [series]
    return study
