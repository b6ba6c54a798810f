"""A structure set that says anything but what was meant is seen when it is read back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from skimage.draw import polygon2mask

from pipelines.dicom_out.planes import Result
from pipelines.dicom_out.provenance import Origin
from pipelines.dicom_out.rt_check import check_structures
from pipelines.dicom_out.rt_fill import filled
from pipelines.dicom_out.rtstruct import write_structure_set
from pipelines.errors import PipelineFailed
from pipelines.volume import Volume
from tests.unit.pipelines.segmented import STACKS, a_mask, a_stack, sided_card
from tests.unit.pipelines.stand_ins import a_request

CASES = ["axial", "oblique", "files in reverse", "anisotropic square", "frames in reverse"]


def a_volume(case: str, folder: Path) -> Volume:
    return a_stack(folder, **STACKS[case])


def written(volume: Volume, labels: np.ndarray, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    card = sided_card()
    origin = Origin(a_request(card, [], folder), card, {}, volume.digests)
    (output,) = write_structure_set(Result(volume, labels, []), origin, folder)
    return folder / output.file


def contours(made: Dataset) -> list[Dataset]:
    return [each for item in made.ROIContourSequence for each in item.ContourSequence]


def moved(change: Callable[[np.ndarray, Volume], np.ndarray]) -> Callable[[Dataset, Volume], None]:
    """All points moved, as an index ``(x, y, z)`` of the volume."""

    def mutate(made: Dataset, volume: Volume) -> None:
        inverse = np.linalg.inv(volume.affine)
        for contour in contours(made):
            points = np.array(contour.ContourData, float).reshape(-1, 3)
            places = change(points @ inverse[:3, :3].T + inverse[:3, 3], volume)
            back = places @ volume.affine[:3, :3].T + volume.affine[:3, 3]
            contour.ContourData = [f"{value:.3f}" for value in back.ravel()]

    return mutate


def flipped(axis: int) -> Callable[[np.ndarray, Volume], np.ndarray]:
    def flip(places: np.ndarray, volume: Volume) -> np.ndarray:
        places[:, axis] = volume.array.shape[2 - axis] - 1 - places[:, axis]
        return places

    return flip


def shifted(*step: float) -> Callable[[np.ndarray, Volume], np.ndarray]:
    return lambda places, _volume: places + step


def drop_a_contour(made: Dataset, _volume: Volume) -> None:
    del made.ROIContourSequence[0].ContourSequence[0]


def drop_a_point(made: Dataset, _volume: Volume) -> None:
    contour = contours(made)[0]
    contour.ContourData = contour.ContourData[3:]


def open_a_contour(made: Dataset, _volume: Volume) -> None:
    contours(made)[0].ContourGeometricType = "OPEN_PLANAR"


def name_the_next_image(made: Dataset, volume: Volume) -> None:
    uids = [image.SOPInstanceUID for image in volume.sources]
    for contour in contours(made):
        (reference,) = contour.ContourImageSequence
        if volume.frames:
            reference.ReferencedFrameNumber = reference.ReferencedFrameNumber % len(uids) + 1
            continue
        at = uids.index(reference.ReferencedSOPInstanceUID)
        reference.ReferencedSOPInstanceUID = uids[(at + 1) % len(uids)]


def name_another_instance(made: Dataset, _volume: Volume) -> None:
    contours(made)[0].ContourImageSequence[0].ReferencedSOPInstanceUID = "2.25.1"


def swap_two_names(made: Dataset, _volume: Volume) -> None:
    first, second, *_ = made.StructureSetROISequence
    first.ROIName, second.ROIName = second.ROIName, first.ROIName


def swap_two_structures(made: Dataset, _volume: Volume) -> None:
    first, second, *_ = made.ROIContourSequence
    first.ContourSequence, second.ContourSequence = second.ContourSequence, first.ContourSequence


def leave_the_frame_of_reference(made: Dataset, _volume: Volume) -> None:
    for item in made.StructureSetROISequence:
        item.ReferencedFrameOfReferenceUID = "2.25.1"


MUTATIONS = {
    "flipped in x": moved(flipped(0)),
    "flipped in y": moved(flipped(1)),
    "flipped in z": moved(flipped(2)),
    "one slice further": moved(shifted(0, 0, 1)),
    "between two slices": moved(shifted(0, 0, 0.3)),
    "one pixel beside": moved(shifted(1, 0, 0)),
    "half a pixel beside, to the corners": moved(shifted(0.5, 0.5, 0)),
    "rows for columns": moved(lambda places, _volume: places[:, [1, 0, 2]]),
    "a contour too few": drop_a_contour,
    "a point too few": drop_a_point,
    "not closed": open_a_contour,
    "another image or frame": name_the_next_image,
    "another instance": name_another_instance,
    "other names": swap_two_names,
    "the sides swapped": swap_two_structures,
    "another frame of reference": leave_the_frame_of_reference,
}


@pytest.mark.parametrize("case", CASES)
def test_what_was_written_is_what_was_meant(tmp_path, case):
    volume = a_volume(case, tmp_path / "source")
    labels = a_mask(volume)
    path = written(volume, labels, tmp_path / "made")

    check_structures(path, volume, labels, sided_card().segments)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("mutation", MUTATIONS)
def test_every_mutation_is_caught(tmp_path, case, mutation):
    volume = a_volume(case, tmp_path / "source")
    labels = a_mask(volume)
    path = written(volume, labels, tmp_path / "made")
    made = pydicom.dcmread(path)
    MUTATIONS[mutation](made, volume)
    made.save_as(path)

    with pytest.raises(PipelineFailed):
        check_structures(path, volume, labels, sided_card().segments)


def test_a_mask_on_the_wrong_side_is_caught_although_the_contours_are_right(tmp_path):
    volume = a_volume("axial", tmp_path / "source")
    labels = a_mask(volume)
    wrong = np.where(labels == 1, 2, np.where(labels == 2, 1, labels)).astype(np.uint8)

    with pytest.raises(PipelineFailed, match="other side of the patient"):
        written(volume, wrong, tmp_path / "made")


def test_a_failure_names_no_patient(tmp_path):
    volume = a_volume("axial", tmp_path / "source")
    labels = a_mask(volume)
    path = written(volume, labels, tmp_path / "made")
    labels[0, 0, :3] = 5 - labels[0, 0, :3]

    with pytest.raises(PipelineFailed) as failure:
        check_structures(path, volume, labels, sided_card().segments)
    assert str(volume.sources[0].PatientID) not in str(failure.value)
    assert str(volume.sources[0].SOPInstanceUID) not in str(failure.value)


@pytest.mark.parametrize("seed", range(5))
def test_a_polygon_holds_the_pixels_that_skimage_finds_in_it(seed):
    points = np.random.default_rng(seed).uniform(-3, 23, (7, 2))

    found = filled([points], (20, 18))
    expected = polygon2mask((20, 18), points[:, ::-1])
    np.testing.assert_array_equal(expected, found)


def test_a_polygon_in_another_is_a_hole_and_beyond_the_plane_there_is_nothing():
    outer = np.array([[-5, -5], [30, -5], [30, 30], [-5, 30]], float)
    inner = np.array([[3.5, 3.5], [6.5, 3.5], [6.5, 8.5], [3.5, 8.5]])
    found = filled([outer, inner], (12, 10))

    expected = np.ones((12, 10), bool)
    expected[4:9, 4:7] = False
    np.testing.assert_array_equal(expected, found)
    assert not filled([], (3, 4)).any()
