import numpy as np
from pydicom import Dataset

from tests.unit.pipelines.classical import frames_of, run


def a_screen(frames=1):
    """Speckled tissue in rows 40 to 160, a dark cyst in it, and letters above: grey frames."""
    rng = np.random.default_rng(8)
    array = np.zeros((frames, 200, 220))
    array[:, 40:160, 20:200] = 90 + 18 * rng.standard_normal((frames, 120, 180))
    array[:, 80:110, 90:125] = 10 + 3 * rng.random((frames, 30, 35))
    array[:, 10:20:3, 20:60] = 255
    return np.clip(array, 0, 255)


def region(kind, left, top, right, bottom):
    made = Dataset()
    made.RegionSpatialFormat, made.RegionDataType = kind
    made.RegionLocationMinX0, made.RegionLocationMinY0 = left, top
    made.RegionLocationMaxX1, made.RegionLocationMaxY1 = right, bottom
    return made


def test_speckle_falls_and_the_mean_and_the_edge_stay():
    array = a_screen()
    after = run("us-enhance", frames_of(array, "US")).array
    tissue = np.s_[:, 120:150, 30:190]
    assert after[tissue].std() < 0.6 * array[tissue].std()
    assert abs(after[tissue].mean() - array[tissue].mean()) < 2
    assert after[0, 85:105, 95:120].mean() < 20
    assert after[0, 85:105, 70:85].mean() > 80


def test_letters_outside_the_tissue_stay_as_they_are():
    array = a_screen().astype(np.float32)
    after = run("us-enhance", frames_of(array, "US")).array
    np.testing.assert_array_equal(array[:, :35], after[:, :35])


def test_only_the_stated_tissue_region_changes():
    array = a_screen().astype(np.float32)
    stated = [region((1, 1), 20, 40, 110, 159)]
    after = run("us-enhance", frames_of(array, "US", SequenceOfUltrasoundRegions=stated)).array
    np.testing.assert_array_equal(array[:, :, 111:], after[:, :, 111:])
    assert np.abs(after - array)[:, 50:150, 30:100].max() > 5


def test_grey_pixels_of_colour_frames_stay_grey_and_coloured_ones_stay_as_they_are():
    array = np.repeat(a_screen()[..., None], 3, axis=-1).astype(np.float32)
    array[:, 60:75, 40:80] = [200, 30, 10]
    after = run("us-enhance", frames_of(array, "US")).array
    np.testing.assert_array_equal(array[:, 60:75, 40:80], after[:, 60:75, 40:80])
    grey = after[:, 120:150, 30:190]
    assert np.ptp(grey, axis=-1).max() < 1e-3
    assert np.abs(after - array)[:, 120:150].max() > 5


def test_every_frame_of_a_loop_is_filtered():
    array = a_screen(frames=3)
    after = run("us-enhance", frames_of(array, "US")).array
    assert all(np.abs(one - two).max() > 5 for one, two in zip(after, array, strict=True))
