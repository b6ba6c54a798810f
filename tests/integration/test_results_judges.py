"""Results before independent judges: dicom3tools, dcmqi, ITK and dcmtk."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.uid import JPEG2000

from pipelines.dicom_out.attributes import STUDY_PRESENT
from tests.builders import a_series, write_series
from tests.judges.dcmqi import read_segments
from tests.judges.dicom3tools import contradictions, errors_of, new_errors
from tests.judges.dicom_validator import violations
from tests.tools import program
from tests.unit.pipelines.stand_ins import a_card, frames_card, run_card
from tests.unit.pipelines.ultrasound import a_colour_image, a_grey_loop, a_palette_loop, a_region

COSINE, SINE = 0.8660254, 0.5
OBLIQUE = [COSINE, SINE, 0, -0.25, 0.4330127, -COSINE]
THRESHOLD = {"CT": -24.0, "MR": 1000.0, "PT": 2500.0}


def results(card, images, folder: Path) -> tuple[list[Path], list[Path], dict]:
    """Source files, result files and measurements of one run."""
    manifest, made = run_card(card, images, folder)
    sources = sorted((folder / "source").glob("*.dcm"))
    images_or_segs = [output for output in manifest.outputs if output.kind != "sr"]
    return sources, [made / output.file for output in images_or_segs], manifest.measurements


def oblique(images):
    """Slices tilted against every axis of the patient, at odd places."""
    across, down = np.array(OBLIQUE[:3]), np.array(OBLIQUE[3:])
    for index, image in enumerate(images):
        image.ImageOrientationPatient = OBLIQUE
        place = np.array([11.5, -7.25, 30.125]) + 2.0 * index * np.cross(across, down)
        image.ImagePositionPatient = [f"{value:.6f}" for value in place]
    return images


def a_stack(case: str, modality: str = "CT"):
    """Volumes in the shapes that break careless code; the mask is brighter than the threshold."""
    size = {"rows": 125, "columns": 127} if case == "odd size" else {"rows": 24, "columns": 30}
    images = a_series(modality, slices=7, **size)
    if case in ("oblique", "oblique reversed"):
        oblique(images)
    if case == "one voxel":
        plain = np.full((7, 24, 30), 900, np.int16)
        plain[2, 5, 21] = 1100
        images = a_series(modality, pixels=plain)
    if case == "border":  # every face of the volume
        shell = np.full((7, 24, 30), 1100, np.int16)
        shell[1:-1, 1:-1, 1:-1] = 900
        images = a_series(modality, pixels=shell)
    return images[::-1] if "reversed" in case else images


def itk_series(paths: list[Path]) -> sitk.Image:
    """The series as SimpleITK reads it, sorted by itself."""
    reader = sitk.ImageSeriesReader()
    folder = str(paths[0].parent)
    (uid,) = reader.GetGDCMSeriesIDs(folder)
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(folder, uid))
    return reader.Execute()


@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
def test_enh_29_a_volumes_results_add_no_error_and_contradict_nothing(tmp_path, modality):
    images = a_series(modality, slices=5)
    sources, derived, _ = results(a_card(), images, tmp_path / "enhanced")
    low = {"low": THRESHOLD[modality], "high": 1e9}
    _, segs, _ = results(a_card("above", parameters=low), images, tmp_path / "seg")

    assert set() == new_errors(sources, derived[0])
    assert set() == errors_of(segs[0])
    assert [] == contradictions([*sources, *derived, *segs])


@pytest.mark.parametrize("kind", ["CR", "NM", "still", "loop", "palette", "colour"])
def test_enh_29_a_frames_results_add_no_error_and_contradict_nothing(tmp_path, kind):
    images = {
        "CR": lambda: a_series("CR", slices=1),
        "NM": lambda: a_series("NM", slices=1),
        "still": lambda: [a_grey_loop(frames=1)],
        "loop": lambda: [a_grey_loop(frames=3)],
        "palette": lambda: [a_palette_loop()[0]],
        "colour": lambda: [a_colour_image()[0]],
    }[kind]()
    if kind == "still":
        images[0].SequenceOfUltrasoundRegions = [a_region(2, 2, 28, 20)]
    low = {"low": 130.0 if kind not in ("CR", "NM") else 1000.0, "high": 1e9}
    sources, derived, _ = results(frames_card(), images, tmp_path / "enhanced")
    _, segs, _ = results(frames_card("above", parameters=low), images, tmp_path / "seg")

    assert set() == new_errors(sources, derived[0])
    assert set() == set().union(*map(errors_of, segs))
    assert [] == contradictions([*sources, *derived, *segs])


def a_lossy_series():
    """JPEG baseline cannot hold CT; JPEG 2000 can, and its header says nothing of the loss."""
    images = a_series(slices=3)
    for image in images:
        image.compress(JPEG2000, j2k_cr=[5], generate_instance_uid=False)
    return images


ODD = {
    "no Patient ID": lambda: a_series(PatientID=None),
    "nothing of patient and study": lambda: a_series(**dict.fromkeys(STUDY_PRESENT)),
    "signed with 12 of 16 bits": lambda: a_series(BitsStored=12, HighBit=11),
    "lossy": a_lossy_series,
    "a description of 64 characters": lambda: a_series(SeriesDescription="x" * 64),
    "a name in Japanese": lambda: a_series(
        SpecificCharacterSet=["", "ISO 2022 IR 87"],
        PatientName=b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B",
    ),
    "a name in Arabic": lambda: a_series(
        SpecificCharacterSet="ISO_IR 127", PatientName=b"\xe2\xc8\xc7\xe6\xea^\xe4\xe6\xd2"
    ),
    "a name in Korean": lambda: a_series(
        SpecificCharacterSet=["", "ISO 2022 IR 149"],
        PatientName=b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7="
        b"\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
    ),
    "a name in Chinese": lambda: a_series(
        SpecificCharacterSet="GB18030", PatientName=b"Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab"
    ),
    "a name in UTF-8": lambda: a_series(
        SpecificCharacterSet="ISO_IR 192", PatientName="Wang^XiaoDong=王^小東".encode()
    ),
}


@pytest.mark.parametrize("case", ODD)
def test_odd_sources_give_results_without_an_error(tmp_path, case):
    low = {"low": THRESHOLD["CT"], "high": 1e9}
    sources, derived, _ = results(a_card(), ODD[case](), tmp_path / "enhanced")
    _, (seg,), measured = results(a_card("above", parameters=low), ODD[case](), tmp_path / "seg")

    assert set() == new_errors(sources, derived[0])
    assert set() == violations(derived[0])
    assert set() == errors_of(seg) | violations(seg)
    assert 1 == len(
        {
            str(pydicom.dcmread(path).get("PatientName", ""))
            for path in (sources[0], derived[0], seg)
        }
    )
    (segment,) = read_segments(seg, tmp_path / "itk")
    count = np.count_nonzero(sitk.GetArrayFromImage(segment.image))
    assert measured["segments"][0]["voxels"] == count


@pytest.mark.parametrize("case", ["plain", "odd size", "oblique", "oblique reversed"])
def test_the_enhanced_series_lies_where_itk_finds_its_source(tmp_path, case):
    sources, derived, _ = results(a_card(), a_stack(case), tmp_path)

    before, after = itk_series(sources), itk_series(derived)
    assert before.GetSize() == after.GetSize()
    assert before.GetOrigin() == after.GetOrigin()
    assert before.GetSpacing() == after.GetSpacing()
    assert before.GetDirection() == after.GetDirection()
    np.testing.assert_array_equal(sitk.GetArrayFromImage(before), sitk.GetArrayFromImage(after))


@pytest.mark.parametrize(
    "case",
    ["plain", "odd size", "oblique", "reversed", "oblique reversed", "one voxel", "border"],
)
def test_dcmqi_finds_every_voxel_of_the_mask_at_its_place(tmp_path, case):
    card = a_card("above", parameters={"low": THRESHOLD["CT"], "high": 10.0})
    sources, segs, measured = results(card, a_stack(case), tmp_path)
    image = itk_series(sources)
    found = read_segments(segs[0], tmp_path / "itk")

    values = sitk.GetArrayFromImage(image)
    masks = {"Tissue": (values > -24) & (values <= 10), "Left lung": values > 10}
    present = {label: mask for label, mask in masks.items() if mask.any()}
    assert sorted(present) == sorted(segment.label for segment in found)
    for segment in found:
        mask = present[segment.label]
        assert int(mask.sum()) == np.count_nonzero(sitk.GetArrayFromImage(segment.image))
        # Resampled on the source's grid by geometry alone, the mask must be the very same.
        placed = sitk.Resample(segment.image, image, sitk.Transform(), sitk.sitkNearestNeighbor)
        np.testing.assert_array_equal(mask, sitk.GetArrayFromImage(placed) > 0)
    told = {row["label"]: row["voxels"] for row in measured["segments"]}
    assert {label: int(mask.sum()) for label, mask in present.items()} == told


def test_left_is_left(tmp_path):
    """A voxel at the largest x of an axial stack is on the patient's left (LPS)."""
    pixels = np.full((3, 16, 16), 900, np.int16)
    pixels[:, 8, 15] = 1100
    card = a_card("above", parameters={"low": THRESHOLD["CT"], "high": 1e9})
    _, segs, _ = results(card, a_series(pixels=pixels), tmp_path)
    (segment,) = read_segments(segs[0], tmp_path / "itk")

    places = sitk.GetArrayFromImage(segment.image).nonzero()
    index = [int(axis[0]) for axis in places[::-1]]
    left, _, _ = segment.image.TransformIndexToPhysicalPoint(index)
    assert -10.0 + 15 * 0.8 == pytest.approx(left)


def test_dcmtk_decodes_an_enhanced_image_as_we_do(tmp_path):
    _, derived, _ = results(a_card("add", parameters={"step": 7.0}), a_series(slices=3), tmp_path)
    decode = program("dcmconv", package="dcmtk")
    copy = tmp_path / "implicit.dcm"
    subprocess.run([decode, "+ti", derived[0], copy], check=True, capture_output=True)

    first, second = pydicom.dcmread(derived[0]), pydicom.dcmread(copy)
    np.testing.assert_array_equal(first.pixel_array, second.pixel_array)
    assert str(first.PatientName) == str(second.PatientName)


def test_pet_uptake_is_the_same_after_an_identity(tmp_path):
    """SUVbw of a fixed region, from the files alone."""
    images = a_series("PT", slices=4)
    for index, image in enumerate(images):
        image.RescaleSlope = f"{1.5 + index / 7:.6f}"
    sources, derived, _ = results(a_card(), images, tmp_path)

    assert suv(sources) == suv(derived)


def suv(paths: list[Path]) -> float:
    """Mean SUVbw of the middle of the stack: activity x weight / decayed dose (PS3.3 C.8.9)."""
    total = []
    for path in paths:
        image = pydicom.dcmread(path)
        activity = image.pixel_array * float(image.RescaleSlope) + float(image.RescaleIntercept)
        drug = image.RadiopharmaceuticalInformationSequence[0]
        scan = _seconds(image.SeriesTime)
        since = scan - _seconds(drug.RadiopharmaceuticalStartTime)
        dose = float(drug.RadionuclideTotalDose) * 2 ** (-since / drug.RadionuclideHalfLife)
        total.append(activity[8:24, 8:24].mean() * float(image.PatientWeight) * 1000 / dose)
    return float(np.mean(total))


def _seconds(time: str) -> float:
    return int(time[:2]) * 3600 + int(time[2:4]) * 60 + float(time[4:])


ENCODERS = {
    "big endian": ["dcmconv", "+tb"],
    "implicit": ["dcmconv", "+ti"],
    "undefined lengths": ["dcmconv", "-e"],
    "group lengths": ["dcmconv", "+g"],
    "deflated": ["dcmconv", "+td"],
    "RLE": ["dcmcrle"],
    "JPEG-LS": ["dcmcjpls"],
}


@pytest.mark.parametrize("encoding", ENCODERS)
def test_a_series_that_dcmtk_re_encoded_gives_the_same_bytes(tmp_path, encoding):
    """Standard A.4: how an instance is encoded is not in its result's identity."""
    name, *options = ENCODERS[encoding]
    encode = program(name, package="dcmtk")
    item = pydicom.Dataset()
    item.CodeMeaning = "nested"
    images = a_series(slices=3, ProcedureCodeSequence=[item])
    paths = write_series(tmp_path / "source", images)
    again = [path.with_suffix(".again") for path in paths]
    for path, other in zip(paths, again, strict=True):
        subprocess.run([encode, *options, path, other], check=True, capture_output=True)
        assert path.read_bytes() != other.read_bytes()
    _, one = run_card(a_card(), paths, tmp_path, results="one")
    _, two = run_card(a_card(), again, tmp_path, results="two")

    made = {path.name: path.read_bytes() for path in one.glob("*.dcm")}
    assert made == {path.name: path.read_bytes() for path in two.glob("*.dcm")}
