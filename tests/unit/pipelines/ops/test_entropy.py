"""Entropy of label probabilities, from logits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import entropy

from pipelines.ops.entropy import normalised_entropy


@pytest.mark.parametrize("labels", [2, 4])
def test_it_is_that_of_scipy_over_the_largest(labels):
    scores = np.random.default_rng(1).normal(0, 3, (labels, 5, 7)).astype(np.float32)
    found = normalised_entropy(scores)

    assert (np.float32, (5, 7)) == (found.dtype, found.shape)
    expected = entropy(softmax(scores.astype(float), axis=0), axis=0, base=labels)
    assert found == pytest.approx(expected, abs=1e-6)


def test_one_label_is_sure_and_all_alike_are_not_at_any_height():
    scores = np.zeros((4, 1, 2), np.float32)
    scores[2, 0, 0] = 1e4

    for height in (-1e4, 0, 1e4):
        assert [[0, 1]] == normalised_entropy(scores + np.float32(height)).tolist()
