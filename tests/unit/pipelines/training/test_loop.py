"""The steps by which the CT networks learn."""

import torch
from torch import nn

from pipelines.training.loop import fit


def a_line(seed: int = 5) -> tuple[nn.Linear, list[float]]:
    """A network of two numbers after 300 steps towards y = 2 x + 1, and the loss of each step."""
    torch.manual_seed(seed)
    network = nn.Linear(1, 1)
    losses = []

    def loss() -> torch.Tensor:
        x = torch.rand(16, 1)
        found = (network(x) - (2 * x + 1)).square().mean()
        losses.append(found.item())
        return found

    fit(network, loss, steps=300, max_lr=0.1, what="loss {:.3f}")
    return network, losses


def test_a_network_learns_in_so_many_steps_and_is_ready_for_use(capsys):
    network, losses = a_line()

    assert 300 == len(losses)
    assert losses[-1] < 0.01 * losses[0]
    assert not network.training
    assert (
        f"step 100: loss {sum(losses[:100]) / 100:.3f}" == capsys.readouterr().out.splitlines()[0]
    )


def test_the_same_seed_gives_the_same_network():
    one, other = a_line()[0], a_line()[0]

    assert torch.equal(one.weight, other.weight)
