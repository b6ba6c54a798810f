"""Secondary captures: which planes are shown, and what is burnt into their pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.uid import SecondaryCaptureImageStorage

from pipelines.dicom_out.grey import to_grey, widest_window
from pipelines.dicom_out.planes import Result
from pipelines.dicom_out.provenance import Origin
from pipelines.dicom_out.sc import MOST_IMAGES, choose, write_captures
from pipelines.dicom_out.sc_picture import SMALLEST_SIDE, below, enlargement, note
from tests.builders import CANARY, a_series
from tests.unit.pipelines.segmented import a_mask, a_stack, sided_card
from tests.unit.pipelines.stand_ins import SEGMENTS, a_card, a_request, frames_card, run_card
from tests.unit.pipelines.ultrasound import a_colour_image, a_grey_loop

WANTED = ["seg", "sr", "sc"]
TISSUE = tuple(SEGMENTS[0]["colour"])


def segmenting(low: float = -24.0, high: float = 10.0, make=a_card):
    return make("above", parameters={"low": low, "high": high})


def captures(
    folder: Path, images: list[Dataset], card=None, objects=WANTED, **request
) -> list[Dataset]:
    """The captures of a run, in the order of their instance numbers."""
    card = card or segmenting()
    manifest, made = run_card(card, images, folder, objects=objects, **request)
    found = [pydicom.dcmread(made / each.file) for each in manifest.outputs if each.kind == "sc"]
    assert "sr" == manifest.outputs[-1].kind
    return sorted(found, key=lambda each: int(each.InstanceNumber))


def a_bright_square(size: int = 512, **changes) -> list[Dataset]:
    """Three slices; the middle one has a square of 1100 in a ground of 900."""
    pixels = np.full((3, size, size), 900, np.int16)
    pixels[1, 200:300, 220:320] = 1100
    window = {"WindowCenter": 0, "WindowWidth": 400, "RescaleIntercept": -1024}
    return a_series(pixels=pixels, spacing_mm=(2.0, 0.8, 0.6), **{**window, **changes})


def test_nobody_gets_a_capture_that_did_not_ask(tmp_path):
    assert [] == captures(tmp_path, a_bright_square(), objects=["seg", "sr"])


def test_only_planes_that_show_anything_are_captured_each_naming_its_image_and_frames(tmp_path):
    images = a_bright_square()
    (capture,) = captures(tmp_path, images)

    assert SecondaryCaptureImageStorage == capture.SOPClassUID
    assert ("OT", "WSD", "YES") == (
        capture.Modality, capture.ConversionType, capture.BurnedInAnnotation
    )  # fmt: skip
    assert 2 == capture.InstanceNumber
    source, seg = capture.SourceImageSequence
    assert images[1].SOPInstanceUID == source.ReferencedSOPInstanceUID
    (written,) = (
        each for path in (tmp_path / "results").glob("*.dcm")
        if (each := pydicom.dcmread(path)).Modality == "SEG"
    )  # fmt: skip
    assert written.SOPInstanceUID == seg.ReferencedSOPInstanceUID


def test_a_capture_names_the_frames_of_the_segmentation_that_it_shows(tmp_path):
    for capture in captures(tmp_path, a_series()):
        _, drawn = capture.SourceImageSequence
        seg = pydicom.dcmread(tmp_path / "results" / f"{drawn.ReferencedSOPInstanceUID}.dcm")
        groups = seg.PerFrameFunctionalGroupsSequence
        lying = [
            number for number, group in enumerate(groups, start=1)
            if group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
            == capture.SourceImageSequence[0].ReferencedSOPInstanceUID
        ]  # fmt: skip
        assert lying == list(np.ravel(drawn.ReferencedFrameNumber))


def test_seg_12_nothing_found_gives_no_capture(tmp_path):
    assert [] == captures(tmp_path, a_series(), segmenting(1e8, 1e9))


@pytest.mark.parametrize(("interpretation", "ground"), [("MONOCHROME2", 49), ("MONOCHROME1", 206)])
def test_the_image_is_seen_through_its_own_window(tmp_path, interpretation, ground):
    images = a_bright_square(PhotometricInterpretation=interpretation)
    (capture,) = captures(tmp_path, images)

    expected = ((900 - 1024 + 0.5) / 399 + 0.5) * 255  # PS3.3 C.11.2.1.2.1
    expected = expected if interpretation == "MONOCHROME2" else 255 - expected
    assert [ground] * 3 == list(capture.pixel_array[100, 100])
    assert ground == pytest.approx(expected, abs=0.5)


def test_segments_have_their_outline_and_a_light_fill_in_their_colour(tmp_path):
    (capture,) = captures(tmp_path, a_bright_square(), segmenting(high=1e9))
    picture = capture.pixel_array

    assert TISSUE == tuple(picture[200, 250]) == tuple(picture[299, 250])
    inside = 0.75 * ((1100 - 1024 + 0.5) / 399 + 0.5) * 255 + 0.25 * np.array(TISSUE)
    assert inside == pytest.approx(picture[250, 270], abs=1)
    assert [49] * 3 == list(picture[250, 330])


def test_padding_is_black(tmp_path):
    images = a_bright_square(PixelPaddingValue=900)
    (capture,) = captures(tmp_path, images)

    assert [0, 0, 0] == list(capture.pixel_array[100, 100])


def test_the_picture_says_research_use_where_the_node_is_told_to(tmp_path):
    (told,) = captures(tmp_path / "a", a_bright_square())
    (silent,) = captures(tmp_path / "b", a_bright_square(), research_use=False)

    assert told.Rows >= silent.Rows > 512
    np.testing.assert_array_equal(told.pixel_array[:512], silent.pixel_array[:512])
    yellow = (told.pixel_array[512:] == (255, 220, 90)).all(axis=2)
    assert 300 < yellow.sum()
    assert not (silent.pixel_array[512:] == (255, 220, 90)).all(axis=2).any()


def test_nothing_of_the_image_is_covered_by_texts_and_all_pictures_have_one_size(tmp_path):
    images = a_series(rows=400, columns=500)
    nothing = captures(tmp_path / "a", images, segmenting(-24.0, 1e9))
    both = captures(tmp_path / "b", images)

    assert 1 == len({(each.Rows, each.Columns) for each in both})
    for one, two, image in zip(nothing, both, images, strict=True):
        beside = (
            image.pixel_array * float(image.RescaleSlope) + float(image.RescaleIntercept) <= -24
        )
        np.testing.assert_array_equal(one.pixel_array[:400][beside], two.pixel_array[:400][beside])


def test_a_legend_flows_into_as_many_rows_as_it_needs():
    picture = np.zeros((400, 400, 3), np.uint8)
    few, many = (below(picture, [note("x" * 20)] * count) for count in (2, 12))

    assert few.shape[0] < many.shape[0] < 400 + 12 * 13
    assert many[400:].any(axis=(1, 2)).sum() > 3 * few[400:].any(axis=(1, 2)).sum()
    assert (400, 400) < below(picture, [note("x" * 200)]).shape


def test_no_text_of_the_patient_is_burnt_in(tmp_path):
    (one,) = captures(tmp_path / "a", a_bright_square())
    (other,) = captures(
        tmp_path / "b", a_bright_square(PatientName="Other^Name", PatientID="7", StudyID="8")
    )

    assert CANARY == one.PatientName
    assert one.PixelData == other.PixelData
    assert one.SOPInstanceUID != other.SOPInstanceUID


def test_small_images_are_enlarged_and_millimetres_stay(tmp_path):
    pixels = np.full((1, 20, 30), 900, np.int16)
    pixels[0, 5:10, 6:12] = 1100
    (capture,) = captures(tmp_path, a_series(pixels=pixels, spacing_mm=(2.0, 3.0, 4.0)))

    assert 600 == capture.Columns
    assert 400 < capture.Rows < 450
    assert "NO" == capture.SourceImageSequence[0].SpatialLocationsPreserved
    assert [3.0 / 20, 4.0 / 20] == list(capture.PixelSpacing)
    assert ["L", "P"] == list(capture.PatientOrientation)
    assert 1 == enlargement(SMALLEST_SIDE, 1000)


def test_every_frame_of_a_loop_is_named(tmp_path):
    loop = a_grey_loop(frames=3)
    found = captures(tmp_path, [loop], segmenting(0.0, 1e9, frames_card))

    assert [1, 2, 3] == [each.SourceImageSequence[0].ReferencedFrameNumber for each in found]
    assert "PixelSpacing" not in found[0] or "PixelSpacing" in loop


def test_colour_stays_colour(tmp_path):
    image, rgb = a_colour_image()
    (capture,) = captures(tmp_path, [image], segmenting(190.0, 1e9, frames_card))

    factor = enlargement(*rgb.shape[-3:-1])
    image_part = capture.pixel_array[: factor * rgb.shape[0]]
    middle = image_part[factor // 2 :: factor, factor // 2 :: factor].astype(int)
    alike = (np.abs(middle - rgb.reshape(middle.shape)) <= 1).all(axis=2)
    assert alike.mean() > 0.5


def test_the_same_request_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        captures(tmp_path / name, a_series())
    first, second = (
        {path.name: path.read_bytes() for path in (tmp_path / name / "results").glob("*.dcm")}
        for name in ("a", "b")
    )

    assert first == second


def test_without_a_segmentation_a_capture_names_its_image_alone(tmp_path):
    volume = a_stack(tmp_path / "source")
    card = sided_card()
    origin = Origin(a_request(card, [], tmp_path), card, {}, volume.digests)
    result = Result(volume, a_mask(volume), [])
    for file in write_captures(result, origin, tmp_path):
        capture = pydicom.dcmread(tmp_path / file.file)
        (named,) = capture.SourceImageSequence
        (series,) = capture.ReferencedSeriesSequence
        (listed,) = series.ReferencedInstanceSequence
        assert named.ReferencedSOPInstanceUID == listed.ReferencedSOPInstanceUID


def test_of_many_planes_the_largest_of_each_segment_and_an_even_choice_are_shown():
    pixels = np.zeros((400, 2), int)
    pixels[50:350, 0] = 10
    pixels[123, 0] = 11
    pixels[60, 1] = 1
    chosen = choose(pixels)

    assert MOST_IMAGES == len(chosen) == len(set(chosen))
    assert {60, 123} <= set(chosen)
    assert 50 == chosen[0]
    assert 349 == chosen[-1]
    assert np.diff(chosen).max() <= 5
    assert [7, 9] == choose(np.isin(np.arange(10), [7, 9])[:, None]).tolist()


def an_image(**attributes) -> Dataset:
    made = Dataset()
    made.PhotometricInterpretation = "MONOCHROME2"
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


@pytest.mark.parametrize(
    ("function", "grey"), [("LINEAR_EXACT", [0, 128, 191, 255]), ("SIGMOID", [5, 128, 225, 250])]
)
def test_every_function_of_a_window_is_known(function, grey):
    image = an_image(WindowCenter=10.0, WindowWidth=8.0, VOILUTFunction=function)
    values = np.array([[2.0, 10.0, 12.0 + 2 * (function == "SIGMOID"), 18.0]], np.float32)
    shown = to_grey(image, values, None, widest_window(values, None))

    assert grey == pytest.approx(shown[0].astype(int), abs=1)


def test_a_table_is_used_where_there_is_no_window():
    table = Dataset()
    table.LUTDescriptor = [4, 0, 8]
    table.LUTData = [0, 10, 200, 255]
    values = np.array([[0.0, 1.0, 2.0, 9.0]], np.float32)
    shown = to_grey(an_image(VOILUTSequence=[table]), values, None, widest_window(values, None))

    assert [0, 10, 200, 255] == shown[0].tolist()


def test_without_either_nearly_all_values_are_seen():
    values = np.linspace(0, 1000, 1001, dtype=np.float32).reshape(1, -1)
    shown = to_grey(an_image(), values, None, widest_window(values, None))

    assert (0, 255) == (shown[0, 10], shown[0, 990])
    assert 127 <= shown[0, 500] <= 128
