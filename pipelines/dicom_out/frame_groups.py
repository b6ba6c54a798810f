"""The functional groups of an Enhanced object derived from another, frame by frame (C.7.6.16).

They are the source's byte for byte, but that Frame Type says DERIVED (ENH-05), that each frame
names the frame that it comes from, by our step after the earlier ones (ENH-09, ENH-12), and that
what the standard allows an original image alone is left out. Frames are
encoded one at a time: thousands of them would not be held in memory twice as data sets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_sequence_item
from pydicom.tag import Tag

from pipelines.dicom_out.provenance import code_item, put, source_reference
from pipelines.dicom_out.text import UTF_8, encodings_of, to_utf8
from pipelines.verbatim import copy_verbatim, mark_encoded, raw

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydicom.dataelem import RawDataElement

    from pipelines.dicom_out.provenance import Origin

SHARED, PER_FRAME = Tag("SharedFunctionalGroupsSequence"), Tag("PerFrameFunctionalGroupsSequence")
DERIVATION = Tag("DerivationImageSequence")
FRAME_TYPES = ("MRImageFrameTypeSequence", "CTImageFrameTypeSequence")
# It may stand beside Echo Pulse Sequence alone (C.8.13.5.6), and a derived image has none here:
# `pipelines.dicom_out.attributes.PULSE_SEQUENCE`.
SPOILING = Tag("Spoiling")
FILTERED = "FILTERED"  # an image filter has been applied (C.8.15.2.1.1.4)


def frame_type(values: list[str]) -> list[str]:
    """Image Type or Frame Type of what is derived from `values` (PS3.3 C.8.16.1).

    PRIMARY is the only value that the second may have, whatever a site says (ENH-06). The fourth,
    the pixel contrast, says what it came from, and that it was filtered where that was nothing.
    """
    flavour = values[2] if len(values) > 2 else "VOLUME"  # which the reader has made sure of
    contrast = values[3] if len(values) > 3 else "NONE"
    return ["DERIVED", "PRIMARY", flavour, FILTERED if contrast in ("NONE", "") else contrast]


class FrameGroups:
    """Makes the functional groups of the object derived from `image`.

    Parameters
    ----------
    plain : pydicom.Dataset
        The source's header as it was copied, in ISO_IR 192 where its texts had to be re-encoded.
    """

    def __init__(self, image: Dataset, plain: Dataset, origin: Origin) -> None:
        self._image = image
        self._plain = plain
        self._origin = origin
        self._encodings = encodings_of(image)
        self._recoded = (
            str(plain.get("SpecificCharacterSet", ""))
            == UTF_8
            != str(image.get("SpecificCharacterSet", ""))
        )
        shared = image.get("SharedFunctionalGroupsSequence") or [Dataset()]
        self._shared = self._copy(shared[0])
        # Every frame has its own from now on, and a group is shared or the frames', never both.
        self._earlier = self._shared.pop(DERIVATION).value if DERIVATION in self._shared else []

    def put_into(self, derived: Dataset) -> None:
        """Write the groups of all frames into `derived`."""
        derived[SHARED] = self._encoded(SHARED, [self._shared])
        frames = self._image.PerFrameFunctionalGroupsSequence
        derived[PER_FRAME] = self._encoded(
            PER_FRAME, (self._frame(groups, number) for number, groups in enumerate(frames, 1))
        )

    def _frame(self, groups: Dataset, number: int) -> Dataset:
        copied = self._copy(groups)
        earlier = copied[DERIVATION].value if DERIVATION in copied else self._earlier
        step = Dataset()
        put(step, {"DerivationDescription": self._origin.description()})
        if self._origin.card.derivation is not None:
            step.DerivationCodeSequence = [code_item(self._origin.card.derivation)]
        step.SourceImageSequence = [source_reference(self._image, number)]
        copied.DerivationImageSequence = [*earlier, step]
        return mark_encoded(copied)

    def _copy(self, groups: Dataset) -> Dataset:
        copied = copy_verbatim(groups)
        for item in copied.get("MRModifierSequence") or []:
            if SPOILING in item:
                del item[SPOILING]
        if self._recoded:
            to_utf8(copied, self._encodings)
        for keyword in FRAME_TYPES:
            for item in copied.get(keyword) or []:
                put(item, {"FrameType": frame_type(list_of(item, "FrameType"))})
                mark_encoded(item)
        return copied

    def _encoded(self, tag: int, items: Iterable[Dataset]) -> RawDataElement:
        """A sequence as bytes, Explicit VR Little Endian."""
        buffer = DicomBytesIO()
        buffer.is_little_endian, buffer.is_implicit_VR = True, False
        for item in items:
            write_sequence_item(buffer, item, encodings_of(self._plain))
        return raw(Tag(tag), "SQ", buffer.getvalue())


def list_of(dataset: Dataset, keyword: str) -> list[str]:
    """The values of a text element; none where it is absent."""
    found = dataset.get(keyword) or []
    return [found] if isinstance(found, str) else [str(value) for value in found]
