from __future__ import annotations

import numpy as np
import pytest

from dicom_node.preview import series as module
from dicom_node.preview.series import PreviewUnavailable, read_series
from tests.builders import a_series, an_image, write_series
from tests.multi_frame import an_enhanced
from tests.unit.preview.scene import CUBES, ORIENTATIONS, SIZE, a_scene, write


@pytest.mark.parametrize("orientation", ORIENTATIONS.values(), ids=ORIENTATIONS)
def test_every_voxel_lies_where_its_affine_says(tmp_path, orientation):
    series = read_series(write(tmp_path, a_scene(orientation)))

    for value, centre in CUBES.items():
        z, y, x = np.nonzero(series.array == value)
        places = series.affine @ np.stack([x, y, z, np.ones_like(x)])
        assert np.allclose(places[:3].mean(axis=1), centre, atol=1.0)


@pytest.mark.parametrize("orientation", ORIENTATIONS.values(), ids=ORIENTATIONS)
def test_axes_go_to_the_head_the_back_and_the_left(tmp_path, orientation):
    series = read_series(write(tmp_path, a_scene(orientation)))

    directions = series.affine[:3, :3] / np.linalg.norm(series.affine[:3, :3], axis=0)
    assert (np.diag(directions) > 0.9).all()


@pytest.mark.parametrize(
    ("name", "plane"),
    [("axial", "axial"), ("sagittal", "sagittal"), ("coronal", "coronal"), ("oblique", "axial")],
)
def test_the_acquired_plane_comes_first(tmp_path, name, plane):
    series = read_series(write(tmp_path, a_scene(ORIENTATIONS[name])))

    assert (plane, 3) == (series.planes[0], len(series.planes))


def test_a_single_slice_has_one_plane(tmp_path):
    series = read_series(write(tmp_path, a_scene(ORIENTATIONS["sagittal"])[:1]))

    assert ("sagittal",) == series.planes
    assert (SIZE, SIZE, 1) == series.array.shape


def test_a_large_series_is_thinned_out_and_stays_in_place(tmp_path, monkeypatch):
    paths = write(tmp_path, a_scene(ORIENTATIONS["axial"]))
    monkeypatch.setattr(module, "LARGEST_BYTES", SIZE**3 // 2 + 1)

    series = read_series(paths)

    assert (SIZE, SIZE // 2 + 1, SIZE // 2 + 1) == series.array.shape
    for value, centre in CUBES.items():
        z, y, x = np.nonzero(series.array == value)
        places = series.affine @ np.stack([x, y, z, np.ones_like(x)])
        assert np.allclose(places[:3].mean(axis=1), centre, atol=2.0)


def test_values_are_those_after_the_rescale(tmp_path):
    pixels = np.arange(2 * 16 * 16, dtype=np.int16).reshape(2, 16, 16)

    ct = read_series(write_series(tmp_path / "ct", a_series("CT", pixels=pixels)))
    pet = read_series(write_series(tmp_path / "pt", a_series("PT", pixels=pixels)))

    assert np.array_equal(pixels - 1024, ct.array)
    assert np.allclose(pixels * 2.5, pet.array)
    assert (np.int16, np.float32) == (ct.array.dtype, pet.array.dtype)


def test_images_of_the_most_frequent_size_are_read(tmp_path):
    small = [an_image("CR", 9, np.zeros((8, 8), np.uint16), series=1)]
    paths = write_series(tmp_path, a_series("CR", slices=2, rows=16, columns=16) + small)

    assert (2, 16, 16) == read_series(paths).array.shape


def test_only_the_images_that_are_asked_for_are_read(tmp_path):
    images = a_series("CT", slices=4)
    paths = write_series(tmp_path, images)

    series = read_series(paths, only={images[1].SOPInstanceUID, images[2].SOPInstanceUID})

    assert 2 == len(series.array)


def test_a_colour_loop_is_rgb_and_cut_short(tmp_path):
    frames = np.zeros((70, 6, 8, 3), np.uint8)
    frames[3, 2, 1] = (250, 10, 20)
    image = an_image("US", 0, frames[0, :, :, 0])
    image.SamplesPerPixel, image.PhotometricInterpretation = 3, "RGB"
    image.PlanarConfiguration = 0
    image.BitsAllocated, image.BitsStored, image.HighBit = 8, 8, 7
    image.NumberOfFrames = len(frames)
    image.PixelData = frames.tobytes()
    image["PixelData"].VR = "OB"

    series = read_series(write_series(tmp_path, [image]))

    assert series.is_colour
    assert (module.LONGEST_CINE, 6, 8, 3) == series.array.shape
    assert [250, 10, 20] == series.array[3, 2, 1].tolist()


@pytest.mark.parametrize("orientation", ORIENTATIONS.values(), ids=ORIENTATIONS)
def test_the_frames_of_an_object_lie_where_single_images_would(tmp_path, orientation):
    images = a_scene(orientation)
    classic = read_series(write(tmp_path / "classic", images))

    whole = an_enhanced("CT", [images[index] for index in (1, 0, *range(2, len(images)))])
    series = read_series(write_series(tmp_path, [whole]))

    assert np.array_equal(classic.array, series.array)
    assert np.allclose(classic.affine, series.affine)
    assert classic.planes == series.planes


def test_the_phases_of_an_object_are_a_loop_of_frames(tmp_path):
    def together(groups, _index):
        groups.PlanePositionSequence[0].ImagePositionPatient = [0, 0, 0]

    series = read_series(write_series(tmp_path, [an_enhanced(each=together)]))

    assert (5, None) == (len(series.array), series.affine)


@pytest.mark.parametrize("broken", ["no image", "no pixels", "not dicom"])
def test_what_cannot_be_drawn_is_said_without_its_values(tmp_path, broken):
    image = a_series("CT", slices=1)[0]
    del image[{"no image": "Rows", "no pixels": "PixelData"}.get(broken, "PixelData")]
    (path,) = write_series(tmp_path, [image])
    if broken == "not dicom":
        path.write_bytes(b"Zzphi^Jane" * 100)

    with pytest.raises(PreviewUnavailable) as told:
        read_series([path])

    assert "Zzphi" not in str(told.value)
    assert image.SOPInstanceUID not in str(told.value)
