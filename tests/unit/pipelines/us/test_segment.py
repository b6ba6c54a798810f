import numpy as np
import pytest

from pipelines.errors import PipelineRefused
from tests.unit.pipelines.classical import frames_of, run
from tests.unit.pipelines.us.test_enhance import a_screen, region


def overlap(one, two):
    return 2 * np.count_nonzero(one & two) / (np.count_nonzero(one) + np.count_nonzero(two))


def test_the_field_and_the_dark_structure_in_it_are_found():
    labels = run("us-segment", frames_of(a_screen(), "US")).labels[0]
    field, cyst = np.zeros(labels.shape, bool), np.zeros(labels.shape, bool)
    field[40:160, 20:200] = True
    cyst[80:110, 90:125] = True
    assert overlap(labels > 0, field) > 0.97
    assert overlap(labels == 2, cyst) > 0.85
    assert not labels[:30].any()


def test_doppler_colour_is_never_dark():
    array = np.repeat(a_screen()[..., None], 3, axis=-1)
    array[:, 80:110, 90:125] = [60, 0, 0]
    assert not (run("us-segment", frames_of(array, "US")).labels == 2).any()


def test_nothing_outside_the_stated_region_is_field():
    stated = [region((1, 1), 20, 40, 110, 159)]
    source = frames_of(a_screen(), "US", SequenceOfUltrasoundRegions=stated)
    labels = run("us-segment", source).labels
    assert labels[:, 50:150, 30:100].all()
    assert not labels[:, :, 112:].any()


def test_a_black_screen_is_refused():
    with pytest.raises(PipelineRefused) as refusal:
        run("us-segment", frames_of(np.zeros((1, 64, 64)), "US"))
    assert "no-echoes" == refusal.value.code
