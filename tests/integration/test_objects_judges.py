"""The objects beside image, segmentation and report, before judges that others wrote."""

from __future__ import annotations

import io
import re
import subprocess
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from PIL import Image

from tests.acceptance.road import a_pacs
from tests.builders import write_series
from tests.conforming import whole_series
from tests.integration.test_conformance_judges import MISTAKEN
from tests.integration.test_results_judges import a_stack
from tests.judges.dcmqi import read_segments
from tests.judges.dicom3tools import contradictions, new_errors
from tests.judges.dicom_validator import new_violations
from tests.judges.pixelmed import judge_report
from tests.judges.plastimatch import dice, read_structures
from tests.judges.simpleitk import read_series
from tests.multi_frame import two_phases
from tests.tools import program
from tests.unit.pipelines.stand_ins import a_card, frames_card, run_card
from tests.unit.pipelines.ultrasound import a_colour_image, a_grey_loop

# Its table of documents has the study's Accession Number in the series.
ODDITY = "Different information entities .*<AccessionNumber> IE <Series> versus <Study>"
OTHERS = ["sc", "ko", "gsps", "pm", "rtstruct"]
VOLUMES = {"CT": (-24.0, 10.0), "MR": (1000.0, 1e9), "PT": (2500.0, 1e9)}
FRAMES = {
    "CR": lambda: whole_series("CR", 1),
    "NM": lambda: whole_series("NM", 1),
    "still": lambda: [a_grey_loop(frames=1)],
    "loop": lambda: [a_grey_loop(frames=3)],
    "colour": lambda: [a_colour_image()[0]],
}


def a_run(case: str, folder: Path, kind: str, **images: Any) -> tuple[list[Path], list[Path]]:
    """Source files, and the files of one kind beside a segmentation."""
    if case in VOLUMES:
        low, high = VOLUMES[case]
        card = a_card("above", parameters={"low": low, "high": high})
        sources = whole_series(case)
    else:
        low = 1000.0 if case in ("CR", "NM") else 130.0
        card = frames_card("above", parameters={"low": low, "high": 1e9})
        sources = FRAMES[case]()
    for image in sources:
        for keyword, value in images.items():
            setattr(image, keyword, value)
    manifest, made = run_card(card, sources, folder, objects=["seg", "sr", kind])
    assert (0, 0) == (manifest.conformance["errors"], manifest.conformance["warnings"])
    found = [made / output.file for output in manifest.outputs if output.kind == kind]
    return sorted((folder / "source").glob("*.dcm")), found


@pytest.mark.parametrize("case", [*VOLUMES, *FRAMES])
def test_enh_29_no_judge_finds_an_error_in_a_capture(tmp_path, case):
    sources, captures = a_run(case, tmp_path, "sc")

    assert captures
    assert set() == new_errors(sources, captures[0])
    assert set() == new_violations(sources, captures[0])
    assert [] == contradictions([*sources, *captures])


@pytest.mark.parametrize(
    ("kind", "tells"),
    [("sc", True), ("gsps", True), ("ko", False), ("rtstruct", False), ("pm", False)],
)
def test_the_side_of_a_paired_part_is_told_where_the_object_has_a_place_for_it(
    tmp_path, kind, tells
):
    part = {"BodyPartExamined": "BREAST", "Laterality": "L"}
    if kind == "pm":
        sources, _, written = a_map("MR", tmp_path, **part)
    else:
        sources, (written, *_) = a_run("MR", tmp_path, kind, **part)
    made = pydicom.dcmread(written)

    assert tells == (made.get("Laterality") == "L")
    assert tells == ("Laterality" in made)
    if kind == "pm":
        shared = made.SharedFunctionalGroupsSequence[0]
        assert "L" == shared.FrameAnatomySequence[0].FrameLaterality
    assert set() == new_errors(sources, written)


@pytest.mark.orthanc
def test_orthanc_stores_every_object(tmp_path):
    _, captures = a_run("CT", tmp_path / "sc", "sc")
    others = [a_run("CT", tmp_path / kind, kind)[1] for kind in ("ko", "gsps", "rtstruct")]
    _, images, difference = a_map("CT", tmp_path / "pm")
    with a_pacs(tmp_path / "pacs") as pacs:
        for path in [*captures, *images, difference, *(path for each in others for path in each)]:
            stored = pacs.store(path)
            assert path.read_bytes()[132:] == pacs.file(stored)[132:]


@pytest.mark.orthanc
def test_orthanc_draws_captures_as_they_are(tmp_path):
    _, captures = a_run("CT", tmp_path / "run", "sc")
    _, frames = a_run("loop", tmp_path / "loop", "sc")
    with a_pacs(tmp_path / "pacs") as pacs:
        for path in (*captures, *frames):
            drawn = np.asarray(Image.open(io.BytesIO(pacs.picture(pacs.store(path)))))
            np.testing.assert_array_equal(pydicom.dcmread(path).pixel_array, drawn)


@pytest.mark.parametrize("case", ["CT", "CR", "loop"])
def test_enh_29_no_judge_finds_an_error_in_a_key_object_selection(tmp_path, case):
    sources, (selection,) = a_run(case, tmp_path, "ko")
    verdict = judge_report(selection)

    assert "TID_2010 (KeyObjectSelection)" == verdict.template
    assert [] == verdict.errors
    assert set() == new_errors(sources, selection)
    assert [] == [
        line for line in contradictions([*sources, selection]) if not re.search(ODDITY, line)
    ]


@pytest.mark.dcmtk
def test_dcmtk_reads_the_title_and_the_images_of_a_selection(tmp_path):
    sources, (selection,) = a_run("CT", tmp_path, "ko")
    program_ = program("dsr2xml", package="dcmtk")
    done = subprocess.run([program_, selection], capture_output=True, text=True, check=True)

    assert "Of Interest" in done.stdout
    uids = {pydicom.dcmread(path).SOPInstanceUID for path in sources}
    assert uids & set(re.findall(r'uid="([\d.]+)"', done.stdout))


GREY_FRAMES = [case for case in FRAMES if case != "colour"]


@pytest.mark.parametrize("case", [*VOLUMES, *GREY_FRAMES])
def test_enh_29_no_judge_finds_an_error_in_a_presentation_state(tmp_path, case):
    sources, states = a_run(case, tmp_path, "gsps")

    assert states
    assert set() == new_errors(sources, states[0])
    assert set() == new_violations(sources, states[0])
    assert [] == contradictions([*sources, *states])


@pytest.mark.dcmtk
@pytest.mark.parametrize("interpretation", ["MONOCHROME1", "MONOCHROME2"])
def test_dcmtk_draws_an_image_through_its_presentation_state(tmp_path, interpretation):
    """What is drawn is the source in its own window, and in its own polarity."""
    window = {"WindowCenter": -20, "WindowWidth": 60, "PhotometricInterpretation": interpretation}
    sources, (state,) = a_run("CT", tmp_path, "gsps", **window)
    (shown,) = pydicom.dcmread(state).ReferencedSeriesSequence
    for item in shown.ReferencedImageSequence:
        (path,) = (
            path for path in sources
            if pydicom.dcmread(path).SOPInstanceUID == item.ReferencedSOPInstanceUID
        )  # fmt: skip
        image = pydicom.dcmread(path)
        command = [program("dcmp2pgm", package="dcmtk"), "-p", state, path, tmp_path / "shown.pgm"]
        subprocess.run(list(map(str, command)), check=True, capture_output=True)
        drawn = np.asarray(Image.open(tmp_path / "shown.pgm")).astype(int)

        values = image.pixel_array * float(image.RescaleSlope) + float(image.RescaleIntercept)
        part = np.clip((values + 20 + 0.5) / 59 + 0.5, 0, 1)
        part = 1 - part if interpretation == "MONOCHROME1" else part
        assert np.abs(drawn - 255 * part).max() <= 2
        assert 100 < np.ptp(drawn)


def a_map(modality: str, folder: Path, **changes: Any) -> tuple[list[Path], list[Path], Path]:
    """Source files, enhanced files, and the map of the difference between them."""
    sources = whole_series(modality)
    for image in sources:
        for keyword, value in changes.items():
            setattr(image, keyword, value)
    manifest, made = run_card(a_card("soften"), sources, folder, objects=["enhanced", "pm"])
    assert (0, 0) == (manifest.conformance["errors"], manifest.conformance["warnings"])
    *images, difference = [made / output.file for output in manifest.outputs]
    return sorted((folder / "source").glob("*.dcm")), images, difference


@pytest.mark.parametrize("modality", VOLUMES)
def test_enh_29_no_judge_finds_an_error_in_a_parametric_map(tmp_path, modality):
    sources, _, difference = a_map(modality, tmp_path)

    assert set() == new_errors(sources, difference)
    assert set() == {
        told for told in new_violations(sources, difference)
        if not ("EnumValueNotAllowed" in told and told.split(".")[-1].split()[-1] in MISTAKEN)
    }  # fmt: skip
    assert [] == contradictions([*sources, difference])


def test_enh_29_no_judge_finds_an_error_in_a_map_of_uncertainty(tmp_path):
    card = a_card("doubtful", parameters={"low": -24.0, "high": 10.0})
    manifest, made = run_card(card, whole_series("CT"), tmp_path, objects=["seg", "sr", "pm"])
    sources = sorted((tmp_path / "source").glob("*.dcm"))
    (uncertainty,) = (made / each.file for each in manifest.outputs if each.kind == "pm")

    assert set() == new_errors(sources, uncertainty)
    assert set() == {
        told for told in new_violations(sources, uncertainty)
        if not ("EnumValueNotAllowed" in told and told.split(".")[-1].split()[-1] in MISTAKEN)
    }  # fmt: skip
    assert [] == contradictions([*sources, uncertainty])
    values = hd.imread(uncertainty).get_volume(apply_real_world_transform=True).array
    assert (0, 1) == (values.min(), values.max())


@pytest.mark.parametrize("modality", VOLUMES)
def test_highdicom_reads_the_difference_that_itk_finds(tmp_path, modality):
    """The map read by its real world values; the two series read by ITK, and subtracted."""
    sources, images, difference = a_map(modality, tmp_path)
    before, after = read_series(sources), read_series(images)
    volume = hd.imread(difference).get_volume(apply_real_world_transform=True, dtype=np.float64)
    first = after.TransformPhysicalPointToIndex(tuple(volume.affine[:3, 3].tolist()))
    values = volume.array if first[2] == 0 else volume.array[::-1]

    assert first[:2] == (0, 0)
    assert volume.spacing[1:] == pytest.approx(after.GetSpacing()[1::-1])
    changed = sitk.GetArrayFromImage(after) - sitk.GetArrayFromImage(before).astype(float)
    steps = [float(pydicom.dcmread(path).get("RescaleSlope", 1)) for path in sources]
    assert np.abs(values - changed).max() <= max(steps) / 2 + 1e-6
    assert np.abs(values).max() > 2 * max(steps)


@pytest.mark.parametrize("modality", VOLUMES)
def test_enh_29_no_judge_finds_an_error_in_a_structure_set(tmp_path, modality):
    sources, (structures,) = a_run(modality, tmp_path, "rtstruct")

    assert set() == new_errors(sources, structures)
    # The tables that dicom-validator reads have these one level too high: PS3.3 table C.8-44 has
    # them inside of RT ROI Observations Sequence.
    assert set() == {
        told for told in new_violations(sources, structures)
        if "TagUnexpected RTROIObservationsSequence." not in told
    }  # fmt: skip
    assert [] == contradictions([*sources, structures])


@pytest.mark.parametrize("case", ["plain", "odd size", "oblique", "oblique reversed", "border"])
def test_plastimatch_fills_the_voxels_that_dcmqi_reads(tmp_path, case):
    card = a_card("above", parameters={"low": -24.0, "high": 10.0})
    objects = ["seg", "sr", "rtstruct"]
    manifest, made = run_card(card, a_stack(case), tmp_path, objects=objects)
    paths = {output.kind: made / output.file for output in manifest.outputs}
    filled = read_structures(paths["rtstruct"], tmp_path / "source", tmp_path / "filled")

    for segment in read_segments(paths["seg"], tmp_path / "itk"):
        assert dice(segment.image, filled[segment.label]) > 0.999


@pytest.fixture(scope="module", params=["CT", "MR"])
def of_phases(request, tmp_path_factory):
    """An Enhanced object of two phases, and by kind the files that two runs made of it."""
    folder = tmp_path_factory.mktemp("phases")
    (source,) = write_series(folder / "source", [two_phases(request.param)])
    low, high = (-24.0, 10.0) if request.param == "CT" else (1000.0, 1020.0)
    cards = [a_card("doubtful", parameters={"low": low, "high": high}), a_card("soften")]
    files: dict[str, list[Path]] = {}
    for card in cards:
        manifest, made = run_card(
            card, [source], folder, objects=["enhanced", "seg", "sr", *OTHERS], results=card.name
        )
        assert (0, 0) == (manifest.conformance["errors"], manifest.conformance["warnings"])
        for output in manifest.outputs:
            files.setdefault(output.kind, []).append(made / output.file)
    return source, files


@pytest.mark.parametrize("kind", OTHERS)
def test_enh_29_no_judge_finds_an_error_in_an_object_of_an_enhanced_source(of_phases, kind):
    source, files = of_phases
    for made in (files[kind][0], files[kind][-1]):
        assert set() == new_errors([source], made)
        if kind == "ko":  # dicom-validator does not know its templates
            assert [] == judge_report(made).errors
            continue
        assert [] == [
            told for told in new_violations([source], made)
            if not ("EnumValueNotAllowed" in told and told.split(".")[-1].split()[-1] in MISTAKEN)
            and "TagUnexpected RTROIObservationsSequence." not in told
        ]  # fmt: skip
    assert [] == [
        line for line in contradictions([source, *files[kind]]) if not re.search(ODDITY, line)
    ]


def test_highdicom_reads_the_difference_that_itk_finds_in_an_enhanced_object(of_phases):
    source, files = of_phases
    before, after = (
        sitk.GetArrayFromImage(read_series([path])).astype(float)
        for path in (source, files["enhanced"][0])
    )
    image = pydicom.dcmread(source)
    differences = [path for path in files["pm"] if pydicom.dcmread(path).ContentLabel[0] == "D"]

    assert 2 == len(differences)
    for path in differences:
        made = pydicom.dcmread(path)
        for number, groups in enumerate(made.PerFrameFunctionalGroupsSequence):
            (item,) = groups.DerivationImageSequence[0].SourceImageSequence
            assert item.ReferencedSOPInstanceUID == image.SOPInstanceUID
            frame = item.ReferencedFrameNumber - 1
            found = made.pixel_array[number]
            assert np.abs(found - (after - before)[frame]).max() <= 0.5 + 1e-6
