"""One run of a pipeline on one set, as judges look at it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom import Dataset

from pipelines.contract import Enhanced, Segmented, Source
from pipelines.manifest import Manifest
from pipelines.models.card import Segment
from pipelines.volume import Volume
from tests.acceptance.road import Pacs


@dataclass(frozen=True, slots=True)
class Run:
    """One pipeline's run on one set.

    Attributes
    ----------
    sources : list of Path
        The instances that went in, alone in their folder.
    seen : list of (Source, Enhanced or Segmented)
        What the pipeline saw and gave, in memory.
    untouched : bool
        The pipeline gives back what it got.
    folder : Path
        Room for what judges write.
    """

    sources: list[Path]
    results: list[Path]
    manifest: Manifest
    seen: list[tuple[Source, Enhanced | Segmented]]
    segments: Sequence[Segment]
    untouched: bool
    folder: Path
    pacs: Pacs

    @property
    def is_enhanced(self) -> bool:
        return bool(self.of_kind("enhanced"))

    def of_kind(self, *kinds: str) -> list[Path]:
        """The results of these kinds of output."""
        outputs = zip(self.manifest.outputs, self.results, strict=True)
        return [path for output, path in outputs if output.kind in kinds]

    @property
    def is_volume(self) -> bool:
        return isinstance(self.seen[0][0], Volume)

    def volumes(self) -> Iterator[tuple[Volume, NDArray[np.uint8], Path]]:
        """Each volume in which something was found, its labels, and the segmentation of them."""
        files = iter(self.of_kind("seg"))
        for source, result in self.seen:
            if isinstance(source, Volume) and isinstance(result, Segmented) and result.labels.any():
                yield source, result.labels, next(files)

    def pairs(self) -> Iterator[tuple[Path, Path]]:
        """First, middle and last of what has pixels, with the source instance that each names."""
        by_uid = {sop_uid(path): path for path in self.sources}
        with_pixels = self.of_kind("enhanced", "seg")
        count = len(with_pixels)
        for index in sorted({0, count // 2, count - 1}):
            path = with_pixels[index]
            image = pydicom.dcmread(path, stop_before_pixels=True)
            yield by_uid[_source_uid(image)], path


def _source_uid(image: Dataset) -> str:
    """The instance that a result names as its source: for the whole, or frame by frame."""
    named = image.get("SourceImageSequence")
    if not named:
        frame = image.PerFrameFunctionalGroupsSequence[0]
        named = frame.DerivationImageSequence[-1].SourceImageSequence
    return str(named[0].ReferencedSOPInstanceUID)


def sop_uid(path: Path) -> str:
    return str(pydicom.dcmread(path, specific_tags=["SOPInstanceUID"]).SOPInstanceUID)
