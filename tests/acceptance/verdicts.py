"""What each independent judge finds wrong in the results of one run: a list, empty where nothing.

A judge is a function of a `Run` that gives its complaints, or None where it has nothing to say
about results of this kind. To add one is to add it to `JUDGES`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from numpy.typing import NDArray
from pydicom import Dataset

from pipelines.contract import Enhanced, Segmented, Source
from pipelines.dicom_out.attributes import STUDY_PRESENT
from pipelines.manifest import Manifest
from pipelines.models.card import Segment
from pipelines.volume import Volume
from tests.acceptance.road import Pacs
from tests.judges import dcm2niix, dcmtk, dicom3tools, dicom_validator, simpleitk
from tests.judges.dcmqi import read_segments


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

    def pairs(self) -> Iterator[tuple[Path, Path]]:
        """First, middle and last of what has pixels, with the source instance that each names."""
        by_uid = {_sop_uid(path): path for path in self.sources}
        with_pixels = self.of_kind("enhanced", "seg")
        count = len(with_pixels)
        for index in sorted({0, count // 2, count - 1}):
            path = with_pixels[index]
            image = pydicom.dcmread(path, stop_before_pixels=True)
            yield by_uid[_source_uid(image)], path


def dciodvfy(run: Run) -> list[str]:
    """ENH-29: errors that the source does not have."""
    return _of_pairs(run, dicom3tools.new_errors)


def dcentvfy(run: Run) -> list[str]:
    """Contradictions to the source, or among the results.

    An attribute of type 2 that the source lacks is there in the result, and empty.
    """
    known = set(dicom3tools.contradictions(run.sources))
    new = set(dicom3tools.contradictions([*run.sources, *run.results])) - known
    completed = [f"present in one instance but not the other - Element=<{word}>"
                 for word in STUDY_PRESENT]  # fmt: skip
    return sorted(line for line in new if not any(each in line for each in completed))


def validator(run: Run) -> list[str]:
    """dicom-validator: attributes missing or not allowed that are not so in the source."""
    return _of_pairs(run, dicom_validator.new_violations)


def dcmqi(run: Run) -> list[str] | None:
    """Voxels of every segment of a volume, counted, and laid on the source's grid."""
    if run.is_enhanced or not isinstance(run.seen[0][0], Volume):
        return None  # it reads no segmentation without a place in the patient
    found: Counter[str] = Counter()
    beside = 0
    files = iter(run.of_kind("seg"))
    for source, result in run.seen:
        if result.labels.any():
            beside += _beside(source, result.labels, next(files), run, found)
    return _miscounted(found, run) + ([f"{beside} voxels at another place"] if beside else [])


def dcmtk_counts(run: Run) -> list[str] | None:
    """Pixels of every segment of frames, which dcmtk draws without asking for their place."""
    if run.is_enhanced or isinstance(run.seen[0][0], Volume):
        return None
    found: Counter[str] = Counter()
    for index, path in enumerate(run.of_kind("seg")):
        found += dcmtk.count_voxels(path, run.folder / f"drawn-{index}")
    return _miscounted(found, run)


def itk(run: Run) -> list[str] | None:
    """ITK finds an enhanced series where its source is, and an untouched one's values, too."""
    if not run.is_enhanced:
        return None
    try:
        before = simpleitk.read_series(run.sources)
    except (RuntimeError, ValueError):
        return None  # a transfer syntax or a mixture that ITK does not read
    after = simpleitk.read_series(run.of_kind("enhanced"))
    wrong = simpleitk.grid_differences(before, after)
    grey = before.GetNumberOfComponentsPerPixel() == 1
    return wrong + (simpleitk.value_differences(before, after) if run.untouched and grey else [])


def niix(run: Run) -> list[str] | None:
    """dcm2niix makes the same volumes and warns of nothing new.

    It reads a copy that names the scanner's maker, as the source does: General Equipment is ours
    (ENH-10), and without a maker that it knows dcm2niix guesses one, and says so.
    """
    if not run.is_enhanced:
        return None
    source = run.sources[0].parent
    before = dcm2niix.volume_sizes(source, run.folder / "n1")
    if not before:
        return None  # a transfer syntax that it does not read
    made = _made_by_the_scanner(run)
    after = dcm2niix.volume_sizes(made, run.folder / "n2")
    known = dcm2niix.complaints(source, run.folder / "n3")
    new = sorted(set(dcm2niix.complaints(made, run.folder / "n4")) - set(known))
    return new + ([f"volumes {after} of {before}"] if before != after else [])


def orthanc(run: Run) -> list[str]:
    """Orthanc stores every result, and shows it; an untouched one as it shows the source."""
    ids = [run.pacs.store(path) for path in run.results]
    wrong = [f"{ids.count('')} not stored"] if "" in ids else []
    for source, made in run.pairs():
        image = pydicom.dcmread(made, stop_before_pixels=True)
        picture = run.pacs.picture(run.pacs.store(made))
        # Its reader of single bits wants whole bytes in a row.
        if not picture and (int(image.BitsAllocated) > 1 or int(image.Columns) % 8 == 0):
            wrong.append("not rendered")
        original = run.pacs.picture(run.pacs.store(source)) if run.untouched else b""
        if original and picture != original:
            wrong.append("rendered otherwise than its source")
    return wrong


JUDGES: dict[str, Callable[[Run], list[str] | None]] = {
    "dciodvfy": dciodvfy,
    "dcentvfy": dcentvfy,
    "dicom-validator": validator,
    "dcmqi": dcmqi,
    "dcmtk": dcmtk_counts,
    "SimpleITK": itk,
    "Orthanc": orthanc,
    "dcm2niix": niix,
}


def _of_pairs(run: Run, judge: Callable[[list[Path], Path], set[str]]) -> list[str]:
    return sorted({each for source, made in run.pairs() for each in judge([source], made)})


def _made_by_the_scanner(run: Run) -> Path:
    """A folder of the results with the source's Manufacturer."""
    folder = run.folder / "scanner"
    folder.mkdir()
    maker = pydicom.dcmread(run.sources[0], specific_tags=["Manufacturer"]).get("Manufacturer", "")
    for path in run.of_kind("enhanced"):
        image = pydicom.dcmread(path)
        image.Manufacturer = maker
        image.save_as(folder / path.name)
    return folder


def _miscounted(found: Counter[str], run: Run) -> list[str]:
    told: Counter[str] = Counter()
    for _source, result in run.seen:
        for segment in run.segments:
            told[str(segment.label)] += int((result.labels == segment.number).sum())
    return [
        f"{label}: {found[label]} of {told[label]} voxels"
        for label in told | found
        if found[label] != told[label]
    ]


def _beside(
    volume: Volume, labels: NDArray[np.uint8], path: Path, run: Run, found: Counter[str]
) -> int:
    """Count the segments of one volume's SEG; gives the voxels that dcmqi puts elsewhere."""
    named = {str(segment.label): segment.number for segment in run.segments}
    beside = 0
    for segment in read_segments(path, run.folder / f"itk-{path.stem}"):
        found[segment.label] += _count(segment.image)
        affine = volume.affine[:3]
        placed = simpleitk.place_on(segment.image, affine[:, 3], affine[:, :3], labels.shape)
        beside += int((placed != (labels == named[segment.label])).sum())
    return beside


def _count(image: sitk.Image) -> int:
    return int(np.count_nonzero(sitk.GetArrayViewFromImage(image)))


def _source_uid(image: Dataset) -> str:
    """The instance that a result names as its source: for the whole, or frame by frame."""
    named = image.get("SourceImageSequence")
    if not named:
        frame = image.PerFrameFunctionalGroupsSequence[0]
        named = frame.DerivationImageSequence[-1].SourceImageSequence
    return str(named[0].ReferencedSOPInstanceUID)


def _sop_uid(path: Path) -> str:
    return str(pydicom.dcmread(path, specific_tags=["SOPInstanceUID"]).SOPInstanceUID)
