"""A large image through a function that takes windows, joined without seams."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray


def slide(
    image: NDArray[np.float32],
    window: Sequence[int],
    overlap: Sequence[int],
    function: Callable[[NDArray[np.float32]], NDArray[np.float32]],
) -> NDArray[np.float32]:
    """Give ``function(image)`` computed in overlapping windows.

    Where windows overlap their results are averaged with weights that fall linearly towards each
    window's inner borders, so a window's poorly informed rim counts least. A function whose
    values depend on one pixel alone gives the same as in one pass, up to rounding. An image no
    larger than `window` is passed whole.

    Parameters
    ----------
    image : ndarray (channel, *space)
    window, overlap : sequence of int, one per spatial axis
        Largest size of a window and the least number of pixels that neighbours share.
    function : callable
        (channel, *window) to (output, *window); the spatial shape stays.

    Returns
    -------
    ndarray of float32, shape (output, *space)

    Raises
    ------
    ValueError
        When an overlap is not smaller than its window.
    """
    if any(not 0 <= shared < size for size, shared in zip(window, overlap, strict=True)):
        raise ValueError(f"overlap {tuple(overlap)} must be smaller than window {tuple(window)}")
    space = image.shape[1:]
    if all(length <= size for length, size in zip(space, window, strict=True)):
        return function(image)
    total: NDArray[np.float64] | None = None
    weight = np.zeros(space, dtype=np.float64)
    for place in places(space, window, overlap):
        part = function(image[(slice(None), *place)])
        share = _share(place, space, overlap)
        if total is None:
            total = np.zeros((len(part), *space), dtype=np.float64)
        total[(slice(None), *place)] += part * share
        weight[place] += share
    if total is None:
        raise ValueError("an image without pixels has no windows")
    return (total / weight).astype(np.float32)


def places(
    space: Sequence[int], window: Sequence[int], overlap: Sequence[int]
) -> Iterator[tuple[slice, ...]]:
    """Give the windows that cover `space`, evenly spread, the last ones ending at its border."""
    axes = []
    for length, size, shared in zip(space, window, overlap, strict=True):
        if length <= size:
            axes.append([slice(0, length)])
            continue
        count = -(-(length - size) // (size - shared)) + 1
        starts = [round(i * (length - size) / (count - 1)) for i in range(count)]
        axes.append([slice(start, start + size) for start in starts])
    yield from product(*axes)


def _share(
    place: tuple[slice, ...], space: Sequence[int], overlap: Sequence[int]
) -> NDArray[np.float64]:
    """Give a window's weights: 1 inside and at the image's own border, falling to its others."""
    share = np.ones((), dtype=np.float64)
    for here, length, shared in zip(place, space, overlap, strict=True):
        size = here.stop - here.start
        ramp = np.ones(size)
        rise = np.arange(1, shared + 1) / (shared + 1)
        if here.start > 0:
            ramp[:shared] = rise
        if here.stop < length:
            ramp[size - shared :] = np.minimum(ramp[size - shared :], rise[::-1])
        share = np.multiply.outer(share, ramp)
    return share
