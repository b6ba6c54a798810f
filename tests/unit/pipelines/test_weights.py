"""A network comes with exactly the weights that its card names, once per device."""

from __future__ import annotations

import hashlib

import pytest
import torch
from safetensors.torch import save

from pipelines.errors import CardInvalid, WeightsMissing
from pipelines.models.weights import load_network
from pipelines.networks.noise_unet import NoiseUNet
from tests.unit.pipelines.stand_ins import a_card

NETWORK = "pipelines.networks.noise_unet:NoiseUNet"


def a_network_card(tmp_path, content: bytes, **weights):
    (tmp_path / "w.safetensors").write_bytes(content)
    values = {
        "file": "w.safetensors", "sha256": hashlib.sha256(content).hexdigest(),
        "network": NETWORK, "arguments": {"widths": [4, 8]},
    }  # fmt: skip
    return a_card(
        method="network", folder=tmp_path, weights={**values, **weights},
        training_data=[{"name": "n", "source": "s", "licence": "l", "sha256": "0"}],
    )  # fmt: skip


def test_the_weights_are_those_of_the_file_and_the_network_is_ready(tmp_path):
    made = NoiseUNet(widths=[4, 8])
    card = a_network_card(tmp_path, save(made.state_dict()))

    loaded = load_network(card, "cpu")

    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    for name, value in made.state_dict().items():
        assert torch.equal(value, loaded.state_dict()[name])
    assert loaded is load_network(card, "cpu")


def test_weights_of_another_network_are_refused(tmp_path):
    content = save({"some.weight": torch.zeros(2)})

    with pytest.raises(WeightsMissing, match="do not fit"):
        load_network(a_network_card(tmp_path, content), "cpu")


def test_a_network_that_does_not_exist_is_told(tmp_path):
    content = save(NoiseUNet(widths=[4, 8]).state_dict())
    card = a_network_card(tmp_path, content, network="pipelines.networks.noise_unet:Nothing")

    with pytest.raises(CardInvalid, match="cannot be built"):
        load_network(card, "cpu")


def test_a_card_without_weights_has_no_network():
    with pytest.raises(CardInvalid, match="names no weights"):
        load_network(a_card(), "cpu")


@pytest.mark.gpu
def test_a_network_goes_to_the_gpu(tmp_path):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    card = a_network_card(tmp_path, save(NoiseUNet(widths=[4, 8]).state_dict()))

    assert "cuda" == next(load_network(card, "cuda:0").parameters()).device.type
