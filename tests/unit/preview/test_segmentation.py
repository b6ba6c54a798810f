from __future__ import annotations

import numpy as np
import pytest

from dicom_node.preview import series as series_module
from dicom_node.preview.colour import UNNAMED, colour_of
from dicom_node.preview.references import sources_of
from dicom_node.preview.segmentation import read_segmentation
from dicom_node.preview.series import PreviewUnavailable, read_series
from tests.builders import a_series, an_image, write_series
from tests.unit.preview.scene import FRONT, HEAD, LEFT, ORIENTATIONS, a_scene, a_seg, write


@pytest.mark.parametrize("shuffled", [False, True], ids=["in order", "shuffled"])
@pytest.mark.parametrize("orientation", ORIENTATIONS.values(), ids=ORIENTATIONS)
def test_seg_lies_on_its_voxels_whatever_the_order_of_frames(tmp_path, orientation, shuffled):
    images = a_scene(orientation)
    (seg,) = write_series(tmp_path / "seg", [a_seg(images, (HEAD, LEFT), shuffled=shuffled)])
    series = read_series(write(tmp_path / "images", images))

    labels = read_segmentation([seg], series).labels

    assert np.array_equal(series.array == HEAD, labels == 1)
    assert np.array_equal(series.array == LEFT, labels == 2)


def test_seg_groups_may_be_shared_by_all_frames(tmp_path):
    images = a_scene(ORIENTATIONS["axial"])
    seg = a_seg(images, (FRONT,))
    shared = seg.SharedFunctionalGroupsSequence[0]
    for groups in seg.PerFrameFunctionalGroupsSequence:
        shared.SegmentIdentificationSequence = groups.SegmentIdentificationSequence
        del groups.SegmentIdentificationSequence
    (path,) = write_series(tmp_path / "seg", [seg])
    series = read_series(write(tmp_path / "images", images))

    assert np.array_equal(series.array == FRONT, read_segmentation([path], series).labels == 1)


def test_seg_lies_on_a_series_that_was_thinned_out(tmp_path, monkeypatch):
    images = a_scene(ORIENTATIONS["coronal"])
    (seg,) = write_series(tmp_path / "seg", [a_seg(images, (HEAD,))])
    paths = write(tmp_path / "images", images)
    monkeypatch.setattr(series_module, "LARGEST_BYTES", 33**3 // 2 + 1)

    series = read_series(paths)
    labels = read_segmentation([seg], series).labels

    inside = series.array == HEAD
    assert labels[inside].all()
    assert (labels == 1).sum() < 4 * inside.sum()


def test_seg_of_images_without_a_place_goes_by_its_source_image(tmp_path):
    planes = np.zeros((3, 16, 24), np.uint16)
    planes[2, 3:6, 4:9] = 7
    images = a_series("CR", pixels=planes)
    (seg,) = write_series(tmp_path / "seg", [a_seg(images, (7,))])
    series = read_series(write(tmp_path / "images", images))

    labels = read_segmentation([seg], series).labels

    assert np.array_equal(planes == 7, labels == 1)


def test_frames_that_begin_anywhere_in_a_byte_are_unpacked(tmp_path):
    plane = np.zeros((1, 43, 41), np.uint16)  # 1763 bits, 3 more than whole bytes
    for value in (1, 2, 3, 4, 5):
        plane[0, 7 * value : 7 * value + 5, 3:38] = value
    images = a_series("CR", pixels=plane)
    (seg,) = write_series(tmp_path / "seg", [a_seg(images, (1, 2, 3, 4, 5))])
    series = read_series(write(tmp_path / "images", images))

    labels = read_segmentation([seg], series).labels

    assert np.array_equal(plane, labels)


def test_seg_of_a_loop_goes_by_its_source_frame(tmp_path):
    planes = np.zeros((4, 16, 16), np.uint16)
    planes[2, 3:6, 4:9] = 7
    image = an_image("NM", 0, planes[0])
    image.NumberOfFrames, image.PixelData = 4, planes.tobytes()
    marked = an_image("NM", 0, planes[2])
    seg = a_seg([marked], (7,))
    source = seg.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0]
    source.SourceImageSequence[0].ReferencedFrameNumber = 3
    (path,) = write_series(tmp_path / "seg", [seg])
    series = read_series(write_series(tmp_path / "images", [image]))

    assert np.array_equal(planes == 7, read_segmentation([path], series).labels == 1)


def test_a_fractional_seg_is_drawn_from_half_on(tmp_path):
    images = a_scene(ORIENTATIONS["axial"])
    seg = a_seg(images, (HEAD,))
    frames = np.stack([np.full((33, 33), 20, np.uint8)] * seg.NumberOfFrames)
    frames[:, 5:9, 5:9] = 200
    seg.SegmentationType, seg.SegmentationFractionalType = "FRACTIONAL", "PROBABILITY"
    seg.MaximumFractionalValue = 255
    seg.BitsAllocated, seg.BitsStored, seg.HighBit = 8, 8, 7
    seg.PixelData = frames.tobytes() + b"\0" * (frames.size % 2)
    (path,) = write_series(tmp_path / "seg", [seg])
    series = read_series(write(tmp_path / "images", images))

    assert 16 * len(frames) == int((read_segmentation([path], series).labels == 1).sum())


def test_an_image_is_no_segmentation(tmp_path):
    images = a_scene(ORIENTATIONS["axial"])
    paths = write(tmp_path, images)

    with pytest.raises(PreviewUnavailable):
        read_segmentation(paths[:1], read_series(paths))


def test_results_name_their_sources(tmp_path):
    images = a_series("CT", slices=3)
    enhanced = an_image("CT", 0, np.zeros((8, 8), np.int16), key="b")
    enhanced.SourceImageSequence = [_reference(images[1])]
    seg = a_seg(a_scene(ORIENTATIONS["axial"])[:20], (FRONT,))
    series = _reference(images[0])
    series.ReferencedInstanceSequence = [_reference(images[2])]
    seg.ReferencedSeriesSequence = [series]
    paths = write_series(tmp_path, [enhanced, seg])

    assert {images[1].SOPInstanceUID, images[2].SOPInstanceUID} == sources_of(paths)


def _reference(image):
    item = type(image.file_meta).__mro__[1]()
    item.ReferencedSOPClassUID = image.SOPClassUID
    item.ReferencedSOPInstanceUID = image.SOPInstanceUID
    return item


@pytest.mark.parametrize(
    ("cielab", "rgb"),
    [
        ((65535, 32896, 32896), (255, 255, 255)),
        ((0, 32896, 32896), (0, 0, 0)),
        ((35594, 53638, 50712), (255, 0, 0)),  # red, by the ICC's D50
        (None, UNNAMED),
    ],
)
def test_recommended_colours_become_srgb(cielab, rgb):
    assert np.allclose(rgb, colour_of(cielab), atol=6)
