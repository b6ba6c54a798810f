"""How sure a network is of its labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def normalised_entropy(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give the entropy of each pixel's label probabilities over the largest that it could be.

    0 where one label has all the probability, 1 where all labels have as much of it.

    Parameters
    ----------
    scores : ndarray (label, y, x)
        Logits; their softmax is the probabilities.

    Returns
    -------
    ndarray of float32, shape (y, x)
    """
    below = scores - scores.max(axis=0)
    shares = np.exp(below)
    total = shares.sum(axis=0)
    # -sum p log p, where p is the share of the total, in the terms that are there.
    entropy = np.log(total) - (shares * below).sum(axis=0) / total
    part: NDArray[np.float32] = (entropy / np.log(len(scores))).astype(np.float32)
    return part.clip(0.0, 1.0)
