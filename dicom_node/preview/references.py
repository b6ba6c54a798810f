"""Which received images a result was made of, as the result itself says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom import dcmread

from dicom_node.preview.series import UNREADABLE, PreviewUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pydicom import Dataset


def sources_of(results: Sequence[Path]) -> set[str]:
    """SOP Instance UIDs of the images that enhanced images and segmentations refer to.

    Raises
    ------
    PreviewUnavailable
        A result cannot be read.
    """
    found: set[str] = set()
    try:
        for path in results:
            header = dcmread(path, stop_before_pixels=True)
            found.update(str(item.ReferencedSOPInstanceUID) for item in _references(header))
    except UNREADABLE as error:
        raise PreviewUnavailable(f"a result cannot be read ({type(error).__name__})") from None
    return found


def _references(header: Dataset) -> Iterator[Dataset]:
    """Items of an image's Source Image (0008,2112), or of a SEG's Referenced Series (0008,1115)."""
    yield from header.get("SourceImageSequence") or []
    for series in header.get("ReferencedSeriesSequence") or []:
        yield from series.get("ReferencedInstanceSequence") or []
