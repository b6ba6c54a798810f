import numpy as np
import pytest

from pipelines.training.ct_labels import BODY, BONE, LUNG, label_scan
from pipelines.training.samples import Scan


@pytest.fixture(scope="module")
def chest():
    y, x = np.mgrid[:160, :200].astype(float)
    plane = np.full((160, 200), -1000.0)
    plane[((x - 100) / 90) ** 2 + ((y - 75) / 65) ** 2 < 1] = 40.0
    for side in (-1, 1):
        plane[((x - 100 - side * 42) / 28) ** 2 + ((y - 70) / 42) ** 2 < 1] = -850.0
    plane[(x - 100) ** 2 + (y - 40) ** 2 < 36] = -990.0
    spine = (x - 100) ** 2 + (y - 112) ** 2
    plane[spine < 225] = 600.0
    plane[spine < 49] = 30.0
    plane[(y > 150) & (y < 153)] = 200.0
    return np.repeat(plane[None].astype(np.float32), 10, axis=0)


@pytest.fixture(scope="module")
def labels(chest):
    return label_scan(Scan("drawn", chest, (5.0, 2.0, 2.0)))


def test_the_table_below_is_not_body(labels):
    assert not labels[:, 148:].any()


def test_lungs_are_found_and_the_windpipe_is_body(chest, labels):
    assert LUNG == labels[5, 70, 58]
    assert LUNG == labels[5, 70, 142]
    assert BODY == labels[5, 40, 100]


def test_bone_is_found_and_the_spinal_cord_is_body(labels):
    assert BONE == labels[5, 101, 100]
    assert BODY == labels[5, 112, 100]


def test_published_labels_decide_what_is_bone(chest):
    contrast = chest.copy()
    contrast[:, 60:75, 95:105] = 500.0
    published = np.zeros(chest.shape, np.uint8)
    published[chest == 600.0] = 30
    published[chest == -850.0] = 10
    found = label_scan(Scan("drawn", contrast, (5.0, 2.0, 2.0), published))
    assert BODY == found[5, 66, 100]
    assert BONE == found[5, 101, 100]
    assert LUNG == found[5, 70, 50]
