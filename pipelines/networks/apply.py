"""A network applied to one image: to multiples of its stride and back, the same bits each time."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray


THREADS = 1


@contextmanager
def fixed_threads() -> Iterator[None]:
    """Compute on one thread, whatever the host has.

    The library cuts sums by the number of threads, so the last bits of a result follow it; a job
    that is run again after a crash, perhaps elsewhere, must give the same pixels. The networks
    are small enough, and one thread never waits for another on a busy core.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def apply_network(
    function: Callable[[torch.Tensor], torch.Tensor],
    image: NDArray[np.float32],
    multiple: int,
    device: str,
) -> NDArray[np.float32]:
    """Give the network's output for one image.

    Parameters
    ----------
    function : callable
        (1, channel, y, x) to (1, output, y, x).
    image : ndarray (channel, y, x)
        Extended at its lower and right border by repeating the last pixels to `multiple`.

    Returns
    -------
    ndarray of float32, shape (output, y, x)
    """
    rows, columns = image.shape[1:]
    extended = np.pad(image, ((0, 0), (0, -rows % multiple), (0, -columns % multiple)), mode="edge")
    given = torch.from_numpy(np.ascontiguousarray(extended)).to(device)[None]
    with torch.inference_mode():
        result = function(given.contiguous(memory_format=torch.channels_last))
    return np.ascontiguousarray(result[0, :, :rows, :columns].float().cpu().numpy())
