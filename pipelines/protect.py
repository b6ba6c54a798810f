"""What no enhancement may alter, whatever the pipeline did there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.ops.ultrasound_regions import tissue_mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.contract import Source


def keep_protected(source: Source, after: NDArray[np.float32]) -> NDArray[np.float32]:
    """`after` with the source's own values in padding and outside the tissue of ultrasound.

    Padding holds no measurement (ENH-18); outside the 2D tissue regions lie texts, rulers and
    Doppler traces.
    """
    tissue = tissue_mask(source.sources[0])
    allowed = np.ones(source.array.shape[:3], np.bool_) if tissue is None else tissue
    if source.padding is not None:
        allowed = allowed & ~source.padding
    if allowed.all():
        return after
    if after.ndim == 4:
        allowed = allowed[..., None]
    return np.where(allowed, after, source.array)
