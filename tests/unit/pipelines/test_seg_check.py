"""Every way to get a segmentation wrong is caught before it leaves, whatever the geometry."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pydicom
import pytest

from pipelines.dicom_in import read_frames
from pipelines.dicom_out import seg as builder
from pipelines.dicom_out.seg_check import check_segmentation
from pipelines.dicom_out.seg_form import BINARY, LABELMAP
from pipelines.errors import PipelineFailed, PipelineRefused
from tests.builders import a_series, write_series
from tests.unit.pipelines.seg_mutants import IN_THE_BUILDER, IN_THE_FILE, IN_THE_LABEL_MAP
from tests.unit.pipelines.segmented import (
    LEFT_LUNG,
    RIGHT_LUNG,
    STACKS,
    TISSUE,
    a_mask,
    a_stack,
    sided_card,
    write_mask,
)
from tests.unit.pipelines.stand_ins import a_card, run_card

# Changes that change nothing: a single slice has no other slice, a square no longer side.
_ONE_SLICE = {
    "flipped first to last", "positions reversed", "positions on the next slice",
    "references reversed", "rolled by one slice", "slices reversed", "slices rolled",
    "references rolled",
}  # fmt: skip
_ISOTROPIC = set(STACKS) - {"anisotropic", "anisotropic square"}


_ONE_FRAME = {"rolled by one frame", "the last frame in place of the first"}


def changes_nothing(stack, mutant, form=BINARY):
    if form is LABELMAP and stack == "one slice" and mutant in _ONE_FRAME:
        return True
    return (
        (stack == "one slice" and mutant in _ONE_SLICE)
        or (stack in _ISOTROPIC and mutant == "spacing swapped")
        or (stack == "anisotropic square" and mutant == "rows and columns swapped")
    )


@pytest.fixture(scope="module", params=STACKS)
def written(request, tmp_path_factory):
    """Name, volume, mask, segments and file of each stack."""
    folder = tmp_path_factory.mktemp("stack")
    volume = a_stack(folder / "source", **STACKS[request.param])
    labels = a_mask(volume)
    (path,) = write_mask(volume, labels, folder / "results")
    return request.param, volume, labels, sided_card().segments, path


@pytest.fixture(scope="module")
def label_map(written, tmp_path_factory):
    """The same as a label map."""
    name, volume, labels, segments, _path = written
    (path,) = write_mask(volume, labels, tmp_path_factory.mktemp("labelmap"), LABELMAP)
    return name, volume, labels, segments, path


@pytest.fixture(params=["seg", "labelmap"])
def either(request, written, label_map):
    """Both, each with its kind."""
    return (*(written if request.param == "seg" else label_map), request.param)


def test_what_was_meant_passes(either):
    _name, volume, labels, segments, path, kind = either

    check_segmentation(path, volume, labels, segments, None, kind)


def test_one_form_is_not_taken_for_the_other(written, label_map):
    for (_name, volume, labels, segments, path), kind in ((written, "labelmap"),
                                                          (label_map, "seg")):  # fmt: skip
        with pytest.raises(PipelineFailed, match="another type"):
            check_segmentation(path, volume, labels, segments, None, kind)


@pytest.mark.parametrize("mutant", IN_THE_FILE)
def test_a_wrong_file_is_caught(either, mutant, tmp_path):
    name, volume, labels, segments, path, kind = either
    right = pydicom.dcmread(path)
    wrong = deepcopy(right)
    IN_THE_FILE[mutant](wrong)
    wrong.save_as(tmp_path / "wrong.dcm")
    if changes_nothing(name, mutant, LABELMAP if kind == "labelmap" else BINARY):
        assert right == wrong
        check_segmentation(tmp_path / "wrong.dcm", volume, labels, segments, None, kind)
        return

    assert right != wrong
    with pytest.raises(PipelineFailed):
        check_segmentation(tmp_path / "wrong.dcm", volume, labels, segments, None, kind)


@pytest.mark.parametrize("mutant", IN_THE_LABEL_MAP)
def test_a_wrong_label_map_is_caught(label_map, mutant, tmp_path):
    _name, volume, labels, segments, path = label_map
    wrong = pydicom.dcmread(path)
    IN_THE_LABEL_MAP[mutant](wrong)
    wrong.save_as(tmp_path / "wrong.dcm")

    with pytest.raises(PipelineFailed):
        check_segmentation(tmp_path / "wrong.dcm", volume, labels, segments, None, "labelmap")


@pytest.mark.parametrize("form", [BINARY, LABELMAP], ids=lambda form: form.kind)
@pytest.mark.parametrize("mutant", IN_THE_BUILDER)
def test_a_wrong_builder_is_caught(written, mutant, form, tmp_path, monkeypatch):
    name, volume, labels, _segments, _path = written
    build = builder._build

    def wrong(source, stubs, labels, segments, *rest):
        changed = IN_THE_BUILDER[mutant](stubs, labels, segments)
        return build(source, *changed, *rest)

    monkeypatch.setattr(builder, "_build", wrong)
    if changes_nothing(name, mutant, form):
        write_mask(volume, labels, tmp_path / "results", form)
        return
    with pytest.raises(PipelineFailed):
        write_mask(volume, labels, tmp_path / "results", form)


def test_sides_swapped_by_the_pipeline_itself_are_caught(written, tmp_path):
    _name, volume, labels, _segments, _path = written
    exchange = np.arange(256, dtype=np.uint8)
    exchange[[RIGHT_LUNG, LEFT_LUNG]] = LEFT_LUNG, RIGHT_LUNG

    with pytest.raises(PipelineFailed, match="other side of the patient"):
        write_mask(volume, exchange[labels], tmp_path / "results")


def test_a_stack_with_a_gap_is_refused(tmp_path):
    images = a_series(slices=6)
    del images[2]

    with pytest.raises(PipelineRefused) as caught:
        run_card(a_card("above"), images, tmp_path)
    assert "missing-slices" == caught.value.code


@pytest.mark.parametrize(
    ("number", "first_column", "caught"),
    [(LEFT_LUNG, 2, True), (LEFT_LUNG, 30, False), (RIGHT_LUNG, 30, True), (RIGHT_LUNG, 2, False),
     (TISSUE, 2, False), (LEFT_LUNG, 18, False)],
)  # fmt: skip
def test_one_lung_alone_is_measured_against_the_middle_of_a_trunk(
    number, first_column, caught, tmp_path
):
    volume = a_stack(
        tmp_path / "source", columns=48, spacing_mm=(5.0, 8.0, 8.0), corner=(-180.0, -20.0, 0.0)
    )
    labels = np.zeros(volume.array.shape, np.uint8)
    labels[1, 4:8, first_column : first_column + 8] = number

    if caught:
        with pytest.raises(PipelineFailed, match="other side of the patient"):
            write_mask(volume, labels, tmp_path / "results")
    else:
        assert 1 == len(write_mask(volume, labels, tmp_path / "results"))


@pytest.mark.parametrize("corner", [-10.0, 100.0], ids=["narrow", "off centre"])
def test_one_lung_alone_is_not_judged_where_the_middle_says_nothing(corner, tmp_path):
    side_mm = 8.0 if corner > 0 else 0.8
    volume = a_stack(
        tmp_path / "source", spacing_mm=(5.0, side_mm, side_mm), corner=(corner, 0.0, 0.0)
    )
    labels = np.zeros(volume.array.shape, np.uint8)
    labels[1, 4:8, 2:6] = LEFT_LUNG

    assert 1 == len(write_mask(volume, labels, tmp_path / "results"))


@pytest.mark.parametrize(
    ("orientation", "caught"),
    [(["L", "F"], False), (["R", "F"], True), (["P", "L"], False), (None, False), ("L", False)],
)
def test_sides_of_a_radiograph_follow_its_patient_orientation(orientation, caught, tmp_path):
    (image,) = a_series("CR", slices=1, PatientOrientation=orientation or "")
    frames = read_frames(write_series(tmp_path / "source", [image])[0])
    labels = np.zeros(frames.array.shape, np.uint8)
    labels[0, 8:20, 4:12], labels[0, 8:20, 30:40] = RIGHT_LUNG, LEFT_LUNG

    if caught:
        with pytest.raises(PipelineFailed, match="other side of the patient"):
            write_mask(frames, labels, tmp_path / "results")
    else:
        assert 1 == len(write_mask(frames, labels, tmp_path / "results"))
