import numpy as np
import pytest

from pipelines.contract import RunContext
from pipelines.models.weights import load_network
from pipelines.registry import load_cards
from pipelines.volume import Volume


@pytest.fixture
def run_of():
    def make(name, **parameters):
        card = load_cards()[name]
        return RunContext(
            card=card,
            parameters=dict(card.parameters) | parameters,
            device="cpu",
            network=lambda: load_network(card, "cpu"),
        )

    return make


@pytest.fixture
def volume_of():
    def make(array, spacing=(5.0, 0.8, 0.8), padding=None):
        z, y, x = spacing
        affine = np.diag([x, y, z, 1.0])
        return Volume(np.asarray(array, np.float32), affine, padding, (), ())

    return make


@pytest.fixture(scope="session")
def trunk():
    """A drawn chest of 12 slices in HU without noise: skin, lungs, spine, and a table below."""
    y, x = np.mgrid[:256, :256].astype(float) - 128
    plane = np.full((256, 256), -1000.0)
    body = (x / 100) ** 2 + (y / 70) ** 2 < 1
    plane[body] = -100.0
    plane[(x / 92) ** 2 + (y / 62) ** 2 < 1] = 40.0
    for side in (-1, 1):
        plane[((x - side * 45) / 32) ** 2 + ((y + 4) / 46) ** 2 < 1] = -850.0
    plane[(x / 14) ** 2 + ((y - 38) / 11) ** 2 < 1] = 300.0
    plane[(y > 88) & (y < 90)] = 100.0
    return np.repeat(plane[None].astype(np.float32), 12, axis=0)
