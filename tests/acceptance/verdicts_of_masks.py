"""What readers of segmentations and of reports make of them, beside the masks that were meant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from numpy.typing import NDArray

from pipelines.volume import Volume
from tests.acceptance.judged import Run, sop_uid
from tests.judges import dcmtk as dcmtk_pictures
from tests.judges import ohif as ohif_reader
from tests.judges.dcmqi import read_report, read_segments
from tests.judges.pixelmed import judge_report
from tests.judges.simpleitk import place_on
from tests.judges.suv import factor


def dcmqi(run: Run) -> list[str] | None:
    """Voxels of every segment of a volume, counted, and laid on the source's grid."""
    if run.is_enhanced or not run.is_volume:
        return None  # it reads no segmentation without a place in the patient
    found: Counter[str] = Counter()
    beside = sum(_beside(*each, run, found) for each in run.volumes())
    return _miscounted(found, run) + ([f"{beside} voxels at another place"] if beside else [])


def dcmtk(run: Run) -> list[str] | None:
    """Pixels of every segment of frames, which dcmtk draws without asking for their place."""
    if run.is_enhanced or run.is_volume:
        return None
    found: Counter[str] = Counter()
    for index, path in enumerate(run.of_kind("seg")):
        found += dcmtk_pictures.count_voxels(path, run.folder / f"drawn-{index}")
    return _miscounted(found, run)


def ohif(run: Run) -> list[str] | None:
    """OHIF shows as many voxels of every segment of a volume as the mask has."""
    if run.is_enhanced or not run.is_volume:
        return None  # it asks for the place of every image
    wrong = []
    by_uid = {sop_uid(path): path for path in run.sources}
    for volume, labels, path in run.volumes():
        files = [by_uid[str(image.SOPInstanceUID)] for image in volume.instances]
        shown = ohif_reader.count_voxels(path, files)
        meant = {number: int((labels == label).sum()) for number, label in _labels_in(path, run)}
        wrong += [
            f"segment {number}: {shown.get(number, 0)} of {meant.get(number, 0)} voxels"
            for number in sorted(shown | meant)
            if shown.get(number) != meant.get(number)
        ]
    return wrong


def pixelmed(run: Run) -> list[str] | None:
    """pixelmed: TID 1500, without an error in any template."""
    if run.is_enhanced:
        return None
    verdicts = [judge_report(path) for path in run.of_kind("sr")]
    if [each.template for each in verdicts] != ["TID_1500 (MeasurementReport)"]:
        return ["not one report of TID 1500"]
    return [error for each in verdicts for error in each.errors]


def tid1500reader(run: Run) -> list[str] | None:
    """dcmqi reads a group for every segment, with the figures of the voxels that it lies on."""
    if run.is_enhanced:
        return None
    (path,) = run.of_kind("sr")
    groups = read_report(path, run.folder / "report")
    segments = sum(
        len(pydicom.dcmread(each, stop_before_pixels=True).SegmentSequence)
        for each in run.of_kind("seg")
    )
    if len(groups) != max(segments, 1):
        return [f"{len(groups)} groups of {segments} segments"]
    told = {(group.seg_uid, group.segment): group.values for group in groups}
    wrong = []
    for volume, labels, seg in run.volumes():
        for number, label in _labels_in(seg, run):
            values = told[sop_uid(seg), number]
            for code, figure in _figures(volume, labels == label).items():
                if not np.isclose(values.get(code, np.nan), figure, rtol=1e-5, atol=1e-6):
                    wrong.append(f"{code[0]} {values.get(code)} of {figure}")
    return wrong


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


def _labels_in(seg: Path, run: Run) -> Iterator[tuple[int, int]]:
    """The number of each segment in the file, and in the pipeline's labels."""
    named = {str(segment.label): segment.number for segment in run.segments}
    for item in pydicom.dcmread(seg, stop_before_pixels=True).SegmentSequence:
        yield int(item.SegmentNumber), named[str(item.SegmentLabel)]


def _figures(volume: Volume, mask: NDArray[np.bool_]) -> dict[tuple[str, str], float]:
    """Volume, and mean and spread of HU or SUVbw, by the codes of quantity and derivation."""
    cm3 = float(mask.sum() * abs(np.linalg.det(volume.affine[:3, :3])) / 1000)
    figures = {("118565006", ""): cm3}
    if volume.modality in ("CT", "PT"):
        values = volume.array[mask].astype(np.float64)
        code = "112031"
        if volume.modality == "PT":
            code, values = "126401", values * factor(volume.sources[0])
        figures[code, "373098007"] = float(values.mean())
        figures[code, "386136009"] = float(values.std())
    return figures


def _beside(
    volume: Volume, labels: NDArray[np.uint8], path: Path, run: Run, found: Counter[str]
) -> int:
    """Count the segments of one volume's SEG; gives the voxels that dcmqi puts elsewhere."""
    named = {str(segment.label): segment.number for segment in run.segments}
    beside = 0
    for segment in read_segments(path, run.folder / f"itk-{path.stem}"):
        found[segment.label] += _count(segment.image)
        affine = volume.affine[:3]
        placed = place_on(segment.image, affine[:, 3], affine[:, :3], labels.shape)
        beside += int((placed != (labels == named[segment.label])).sum())
    return beside


def _count(image: sitk.Image) -> int:
    return int(np.count_nonzero(sitk.GetArrayViewFromImage(image)))
