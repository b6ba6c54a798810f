"""A card's network with its learned weights, checked and kept warm."""

from __future__ import annotations

import hashlib
from importlib import import_module
from typing import TYPE_CHECKING, cast

from safetensors.torch import load

from pipelines.errors import CardInvalid, WeightsMissing

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from pipelines.models.card import ModelCard, Weights

_WARM: dict[tuple[str, str, str], nn.Module] = {}


def load_network(card: ModelCard, device: str) -> nn.Module:
    """The card's network in eval mode on `device`; the same object for the same weights.

    Raises
    ------
    WeightsMissing
        The file is absent, has another SHA-256, or does not fit the network.
    CardInvalid
        The card names no weights, or a network that does not exist.
    """
    if card.weights is None or card.weights_path is None:
        raise CardInvalid(f"{card.name}: the card names no weights")
    key = (card.weights.sha256, card.weights.network, device)
    if key not in _WARM:
        state = load(read_weights(card.weights_path, card.weights.sha256))
        network = _build(card.weights)
        try:
            network.load_state_dict(state)
        except RuntimeError as error:
            raise WeightsMissing(f"{card.name}: the weights do not fit the network") from error
        _WARM[key] = network.eval().requires_grad_(False).to(device)
    return _WARM[key]


def read_weights(path: Path, sha256: str) -> bytes:
    """The file's bytes, which have the hash `sha256`."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsMissing(f"{path.name} cannot be read") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise WeightsMissing(f"{path.name} has another SHA-256 than its card states")
    return content


def _build(weights: Weights) -> nn.Module:
    """The network named ``pipelines.networks.<module>:<Class>`` with its arguments."""
    module, _, name = weights.network.partition(":")
    try:
        return cast("nn.Module", getattr(import_module(module), name)(**weights.arguments))
    except (ImportError, AttributeError, TypeError) as error:
        raise CardInvalid(f"network {weights.network} cannot be built") from error
