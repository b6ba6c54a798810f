import numpy as np
import pytest

from tests.unit.pipelines.classical import a_volume, run

SPACING = (3.0, 2.0, 2.0)


def a_head(size=1.0):
    """Ellipsoids of brain in a dark skull in bright skin, with noise; and the brain alone."""
    rng = np.random.default_rng(4)
    z, y, x = np.indices((64, 120, 100)).astype(np.float64)
    z, y, x = (z - 32) * SPACING[0], (y - 60) * SPACING[1], (x - 50) * SPACING[2]

    def inside(radius):
        lengths = (0.95 * radius, 1.15 * radius, 0.95 * radius)
        return (
            sum((axis / length) ** 2 for axis, length in zip((z, y, x), lengths, strict=True)) < 1
        )

    brain = inside(65 * size)
    array = np.where(inside(82 * size), 350.0, 0.0)
    array[inside(76 * size)] = 30.0
    array[brain] = 200.0
    array += ((z + x) % 24 < 12) * brain * 40.0
    return np.abs(array + rng.normal(0, 8, array.shape)), brain


def overlap(one, two):
    return 2 * np.count_nonzero(one & two) / (np.count_nonzero(one) + np.count_nonzero(two))


@pytest.fixture(scope="module")
def head():
    return a_head()


def test_the_brain_is_found_inside_the_skull_and_the_rest_of_the_head_is_tissue(head):
    array, brain = head
    labels = run("mr-segment", a_volume(array, "MR", spacing_mm=SPACING)).labels
    assert overlap(labels == 2, brain) > 0.95
    assert not labels[:, :3].any()
    assert overlap(labels > 0, array > 250) > 0


@pytest.mark.parametrize("part", ["ABDOMEN", "KNEE", "BREAST"])
def test_another_body_part_has_tissue_and_no_brain(head, part):
    source = a_volume(head[0], "MR", spacing_mm=SPACING, BodyPartExamined=part)
    assert {0, 1} == set(np.unique(run("mr-segment", source).labels).tolist())


def test_something_as_small_as_a_knee_has_no_brain():
    source = a_volume(a_head()[0], "MR", spacing_mm=(1.5, 1.0, 1.0))
    assert {0, 1} == set(np.unique(run("mr-segment", source).labels).tolist())


def test_a_bright_ellipsoid_without_a_skull_is_no_brain(head):
    array = np.where(head[1], head[0], np.random.default_rng(0).rayleigh(8, head[0].shape))
    array[ellipse(head[0].shape)] += 200
    labels = run("mr-segment", a_volume(array, "MR", spacing_mm=SPACING)).labels
    assert {0, 1} == set(np.unique(labels).tolist())


def ellipse(shape):
    z, y, x = (np.linspace(-1, 1, length) for length in shape)
    return z[:, None, None] ** 2 + y[:, None] ** 2 + x**2 < 1
