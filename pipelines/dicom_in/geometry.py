"""Where the slices of a series lie, or why they are no regular stack.

Nothing is resampled, sorted by number or guessed: a series whose planes are not parallel, equally
spaced and stacked straight along their normal is refused with what was found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pipelines.errors import PipelineRefused
from pipelines.header import numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from pydicom import Dataset

# Positions are DS texts, often rounded to 0.1 mm: on a 0.625 mm stack that is 8 % of a step.
STEP_TOLERANCE = 0.1  # of the slice distance, for each slice's place on an even grid
SAME_PLACE_MM = 0.01
SAME_DIRECTION = 1e-4  # largest difference of a direction cosine between slices
DRIFT_PIXELS = 0.5  # largest sideways shift over the whole stack; more is a tilted gantry


class Stack(NamedTuple):
    """A regular stack.

    Attributes
    ----------
    order : list of int
        Index of the slices, ascending along the normal.
    affine : ndarray, shape (4, 4)
        As in `pipelines.volume.Volume`.
    """

    order: list[int]
    affine: NDArray[np.float64]


def stack_slices(images: Sequence[Dataset]) -> Stack:
    """The stack that single-frame `images` form.

    Raises
    ------
    PipelineRefused
        ``no-geometry``, ``mixed-orientation``, ``mixed-spacing``, ``duplicate-positions``,
        ``gantry-tilt``, ``missing-slices`` or ``irregular-spacing``.
    """
    orientations = np.array([_numbers(image, "ImageOrientationPatient", 6) for image in images])
    positions = np.array([_numbers(image, "ImagePositionPatient", 3) for image in images])
    spacings = np.array([_numbers(image, "PixelSpacing", 2) for image in images])
    if np.abs(orientations - orientations[0]).max() > SAME_DIRECTION:
        count = len(np.unique(orientations.round(3), axis=0))
        raise PipelineRefused(
            "mixed-orientation", f"The slices have {count} orientations; parallel ones are wanted."
        )
    if np.abs(spacings - spacings[0]).max() > 1e-3 * spacings[0].min() or spacings.min() <= 0:
        raise PipelineRefused("mixed-spacing", "Pixel Spacing differs between slices or is 0.")
    across, down = _directions(orientations[0])
    normal = np.cross(across, down)
    order = [int(index) for index in np.argsort(positions @ normal, kind="stable")]
    places = positions[order]
    _refuse_same_places(places @ normal)
    _refuse_tilt(places, normal, float(spacings[0].min()))
    step = _even_step(places @ normal, images[order[0]])
    affine = np.eye(4)
    affine[:3, 0] = across * spacings[0][1]
    affine[:3, 1] = down * spacings[0][0]
    affine[:3, 2] = normal * step
    affine[:3, 3] = places[0]
    return Stack(order, affine)


def _numbers(image: Dataset, keyword: str, count: int) -> list[float]:
    """The element's `count` numbers."""
    values = numbers(image, keyword)
    if len(values) != count:
        raise PipelineRefused("no-geometry", f"A slice has no usable {keyword}.")
    return values


def _directions(orientation: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Unit vectors along a row and along a column."""
    across, down = orientation[:3], orientation[3:]
    lengths = np.linalg.norm(across), np.linalg.norm(down)
    if abs(lengths[0] - 1) > 0.01 or abs(lengths[1] - 1) > 0.01 or abs(across @ down) > 0.01:
        raise PipelineRefused("no-geometry", "ImageOrientationPatient is no pair of directions.")
    return across / lengths[0], down / lengths[1]


def _refuse_same_places(depths: NDArray[np.float64]) -> None:
    steps = np.diff(depths)
    if steps.size and steps.min() < SAME_PLACE_MM:
        raise PipelineRefused(
            "duplicate-positions",
            f"{len(depths)} slices lie at {1 + int((steps >= SAME_PLACE_MM).sum())} places: "
            "several phases, echoes or repetitions in one series.",
        )


def _even_step(depths: NDArray[np.float64], first: Dataset) -> float:
    """Millimetres between neighbouring `depths`; a single slice has its thickness."""
    steps = np.diff(depths)
    if not steps.size:
        return next(iter(numbers(first, "SliceThickness")), 0.0) or 1.0
    index = np.arange(len(depths))
    step, start = np.polyfit(index, depths, 1)
    if np.abs(depths - (start + step * index)).max() > STEP_TOLERANCE * step:
        _refuse_gaps(steps)
    return float(step)


def _refuse_gaps(steps: NDArray[np.float64]) -> None:
    """Say whether slices are missing from an even stack or the stack is uneven."""
    usual = float(np.median(steps))
    multiples = steps / usual
    even = np.abs(multiples - multiples.round()).max() <= STEP_TOLERANCE * multiples.max()
    missing = int(multiples.round().sum() - len(steps))
    if even and multiples.round().min() >= 1 and missing:
        raise PipelineRefused(
            "missing-slices",
            f"{missing} of {missing + len(steps) + 1} slices of a stack, {usual:.3g} mm apart, "
            "are missing.",
        )
    raise PipelineRefused(
        "irregular-spacing",
        f"Slices lie {steps.min():.3g} to {steps.max():.3g} mm apart; an even stack is wanted "
        f"(each slice within {STEP_TOLERANCE:.0%} of a step of its place).",
    )


def _refuse_tilt(places: NDArray[np.float64], normal: NDArray[np.float64], pixel_mm: float) -> None:
    """Refuse a stack whose slices drift sideways: a tilted gantry, or scattered planes."""
    offsets = places - places[0]
    along = offsets @ normal
    sideways = np.linalg.norm(offsets - along[:, None] * normal, axis=1)
    worst = int(sideways.argmax())
    if sideways[worst] <= DRIFT_PIXELS * pixel_mm:
        return
    angle = float(np.degrees(np.arctan2(sideways[worst], abs(along[worst]))))
    raise PipelineRefused(
        "gantry-tilt",
        f"The slices are stacked {angle:.1f} degrees off their normal (a tilted gantry); "
        "a straight stack is wanted.",
    )
