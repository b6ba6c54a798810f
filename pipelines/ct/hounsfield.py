"""Whether the values of a CT volume can be Hounsfield units at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.errors import PipelineRefused

if TYPE_CHECKING:
    from numpy.typing import NDArray

SOFT_TISSUE_HU = (-250.0, 400.0)
LEAST_PART = 0.002
HIGHEST_HU = 65535.0  # 16 bits after the rescale; metal on an extended scale stays below


def require_hounsfield(hu: NDArray[np.float32], padding: NDArray[np.bool_] | None) -> None:
    """Refuse a volume (z, y, x) whose values cannot be HU of a body or phantom.

    Raises
    ------
    PipelineRefused
        ``not-finite``: a value outside the padding is no number; ``not-hounsfield``: hardly a
        voxel lies between fat and soft tissue, or a value is beyond what CT can store.
    """
    real = hu if padding is None else hu[~padding]
    if not np.isfinite(real).all():
        raise PipelineRefused("not-finite", "The pixel values hold something that is no number.")
    low, high = SOFT_TISSUE_HU
    part = np.count_nonzero((real > low) & (real < high)) / max(real.size, 1)
    if part < LEAST_PART or float(np.abs(real).max()) > HIGHEST_HU:
        raise PipelineRefused(
            "not-hounsfield",
            f"{part:.2%} of the voxels lie between {low:g} and {high:g} HU;"
            f" CT of a body has at least {LEAST_PART:.1%}, and values up to {HIGHEST_HU:g}.",
        )
