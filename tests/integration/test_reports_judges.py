"""Reports before independent judges: pixelmed, dicom3tools, dcmtk, and dcmqi's own figures."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from tests.builders import a_series
from tests.integration.test_results_judges import THRESHOLD, a_stack, itk_series
from tests.judges.dcmqi import read_report, read_segments
from tests.judges.dicom3tools import contradictions, errors_of
from tests.judges.pixelmed import judge_report
from tests.tools import program
from tests.unit.pipelines.stand_ins import a_card, frames_card, run_card
from tests.unit.pipelines.ultrasound import a_grey_loop

MEAN, SD = "373098007", "386136009"
JAPANESE = {
    "SpecificCharacterSet": ["", "ISO 2022 IR 87"],
    "PatientName": b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B",
}
KOREAN = {
    "SpecificCharacterSet": ["", "ISO 2022 IR 149"],
    "PatientName": b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7",
}
ARABIC = {
    "SpecificCharacterSet": "ISO_IR 127",
    "PatientName": b"\xe2\xc8\xc7\xe6\xea^\xe4\xe6\xd2\xc7\xd1",
}
NAMES = {"CT": "Yamada^Tarou=山田^太郎", "MR": "Hong^Gildong=洪^吉洞", "PT": "قباني^لنزار"}


def a_run(case: str, folder: Path, **request: Any) -> tuple[list[Path], list[Path], Path]:
    """Source files, segmentations and report of one run."""
    card, images = {
        "CT": lambda: (volumes("CT", 10.0), a_series("CT", **JAPANESE)),
        "MR": lambda: (volumes("MR", 1e9), a_series("MR", **KOREAN)),
        "PT": lambda: (volumes("PT", 1e9), a_series("PT", **ARABIC)),
        "US": lambda: (frames(100.0, 200.0), [a_grey_loop(frames=2)]),
        "NM": lambda: (frames(1000.0, 1e9), a_series("NM", slices=1)),
        "CR": lambda: (frames(1000.0, 1020.0), a_series("CR", slices=2)),
        "nothing": lambda: (a_card("above", parameters={"low": 1e8, "high": 1e9}), a_series("CT")),
    }[case]()
    manifest, made = run_card(card, images, folder, **request)
    *segs, report = [made / output.file for output in manifest.outputs]
    return sorted((folder / "source").glob("*.dcm")), segs, report


def volumes(modality: str, high: float):
    return a_card("above", parameters={"low": THRESHOLD[modality], "high": high})


def frames(low: float, high: float):
    return frames_card("above", parameters={"low": low, "high": high})


@pytest.mark.parametrize("case", ["CT", "MR", "PT", "US", "NM", "CR", "nothing"])
def test_air_no_judge_finds_an_error_in_a_report(tmp_path, case):
    sources, segs, report = a_run(case, tmp_path)
    verdict = judge_report(report)

    assert "TID_1500 (MeasurementReport)" == verdict.template
    assert [] == verdict.errors
    assert set() == errors_of(report)
    # Names are compared as bytes, and those of these sources are in another character set.
    alike = [*segs, report] if case in NAMES else [*sources, *segs, report]
    assert [] == contradictions(alike)
    dump = program("dsrdump", package="dcmtk")
    done = subprocess.run([dump, report], capture_output=True, text=True, check=True)
    assert "Imaging Measurement Report" in done.stdout


@pytest.mark.parametrize("form", ["labelmap", "segment"])
@pytest.mark.parametrize("case", ["CT", "US"])
def test_no_judge_finds_an_error_in_the_report_on_another_form(tmp_path, case, form):
    _, segs, report = a_run(case, tmp_path / "other", objects=[form, "sr"])
    _, _, usual = a_run(case, tmp_path / "binary")
    verdict = judge_report(report)

    assert ("TID_1500 (MeasurementReport)", []) == (verdict.template, verdict.errors)
    # dicom3tools does not know that the class of label maps is one of segmentations.
    odd = re.compile("Referenced SOP Class that is not (segmentation|multi-frame)")
    assert [] == [told for told in errors_of(report) if form != "labelmap" or not odd.search(told)]
    groups, binary = (read_report(one, tmp_path / one.stem) for one in (report, usual))
    if (case, form) == ("CT", "segment"):  # dcmqi tells no frame, and knows BINARY alone
        named = {group.seg_uid for group in groups}
        assert {pydicom.dcmread(seg).SOPInstanceUID for seg in segs} == named
    assert [group.values for group in binary] == [group.values for group in groups]
    assert [group.tracking_uid for group in binary] == [group.tracking_uid for group in groups]


def test_a_judge_would_see_a_missing_observer(tmp_path):
    """The judge can tell a wrong report from a right one."""
    _, _, path = a_run("nothing", tmp_path)
    report = pydicom.dcmread(path)
    report.ContentSequence = [
        item for item in report.ContentSequence
        if item.ConceptNameCodeSequence[0].CodeValue != "121012"
    ]  # fmt: skip
    report.save_as(path)

    assert judge_report(path).errors


@pytest.mark.parametrize("case", NAMES)
def test_seg_13_a_report_has_the_name_in_any_character_set(tmp_path, case):
    _, _, path = a_run(case, tmp_path)
    report = pydicom.dcmread(path)

    assert ("ISO_IR 192", NAMES[case]) == (
        report.SpecificCharacterSet, str(report.PatientName).rstrip("="),
    )  # fmt: skip


@pytest.mark.parametrize("case", ["plain", "odd size", "oblique", "oblique reversed", "one voxel"])
def test_dcmqi_reads_the_figures_that_the_mask_and_the_image_give(tmp_path, case):
    """Recomputed from the SEG that dcmqi reads and the series that ITK reads."""
    card = a_card("above", parameters={"low": THRESHOLD["CT"], "high": 10.0})
    manifest, made = run_card(card, a_stack(case), tmp_path)
    seg, report = [made / output.file for output in manifest.outputs]
    image = itk_series(sorted((tmp_path / "source").glob("*.dcm")))
    values = sitk.GetArrayFromImage(image).astype(float)
    groups = {group.finding: group for group in read_report(report, tmp_path / "report")}

    segments = read_segments(seg, tmp_path / "itk")
    assert {segment.type_code for segment in segments} == set(groups)
    for segment in segments:
        placed = sitk.Resample(segment.image, image, sitk.Transform(), sitk.sitkNearestNeighbor)
        mask = sitk.GetArrayFromImage(placed) > 0
        told = groups[segment.type_code]
        assert {"118565006": "cm3", "L0JK": "mm", "112031": "[hnsf'U]"} == told.units
        cm3 = mask.sum() * np.prod(image.GetSpacing()) / 1000
        assert cm3 == pytest.approx(told.values["118565006", ""], rel=1e-6)
        assert values[mask].mean() == pytest.approx(told.values["112031", MEAN], rel=1e-9)
        assert values[mask].std() == pytest.approx(told.values["112031", SD], rel=1e-9)
        assert farthest(mask, image) == pytest.approx(told.values["L0JK", ""], abs=1e-3)
        assert ("7771000" if segment.label == "Left lung" else "") == told.laterality


def farthest(mask: np.ndarray, image: sitk.Image) -> float:
    """The farthest two face centres of the mask, at the places that ITK gives them."""
    padded = np.pad(mask, 1)
    points = []
    for axis in range(3):
        for side in (-1, 1):
            open_side = padded & ~np.roll(padded, -side, axis)
            faces = np.argwhere(open_side).astype(float) - 1
            faces[:, axis] += side / 2
            points.append(faces)
    indices = np.unique(np.concatenate(points), axis=0)
    # A convex set's diameter joins two of its extremes: those along a line in x are enough.
    extremes = {}
    for z, y, x in indices.tolist():
        low, high = extremes.get((z, y), (x, x))
        extremes[z, y] = min(low, x), max(high, x)
    ends = {(x, y, z) for (z, y), pair in extremes.items() for x in pair}
    steps = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    at = np.array(sorted(ends)) @ steps.T
    return max(float(np.linalg.norm(at - one, axis=1).max()) for one in at)


def test_dcmqi_reads_the_uptake_that_the_activity_gives(tmp_path):
    sources, (seg,), report = a_run("PT", tmp_path)
    first = pydicom.dcmread(sources[0])
    drug = first.RadiopharmaceuticalInformationSequence[0]
    since = seconds(first.SeriesTime) - seconds(drug.RadiopharmaceuticalStartTime)
    dose = float(drug.RadionuclideTotalDose) * 2 ** (-since / float(drug.RadionuclideHalfLife))
    image = itk_series(sources)
    suv = sitk.GetArrayFromImage(image) * float(first.PatientWeight) * 1000 / dose
    (segment,) = read_segments(seg, tmp_path / "itk")
    placed = sitk.Resample(segment.image, image, sitk.Transform(), sitk.sitkNearestNeighbor)
    mask = sitk.GetArrayFromImage(placed) > 0

    (told,) = read_report(report, tmp_path / "report")
    assert "g/ml{SUVbw}" == told.units["126401"]
    assert suv[mask].mean() == pytest.approx(told.values["126401", MEAN], rel=1e-6)
    assert suv[mask].std() == pytest.approx(told.values["126401", SD], rel=1e-6)


def seconds(time: str) -> float:
    return int(time[:2]) * 3600 + int(time[2:4]) * 60 + float(time[4:])
