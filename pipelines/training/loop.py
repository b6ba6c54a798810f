"""The steps by which both CT networks learn: AdamW, one cycle of the learning rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable

SAY_EVERY = 100


def fit(
    network: nn.Module,
    loss_of_batch: Callable[[], torch.Tensor],
    *,
    steps: int,
    max_lr: float,
    what: str,
) -> None:
    """Train `network` in place and leave it ready for use.

    Parameters
    ----------
    loss_of_batch : callable
        Draws a batch and gives its loss; called once a step.
    what : str
        The loss as the progress lines call it, with a place for its mean: ``"loss {:.4f}"``.
    """
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=max_lr, total_steps=steps)
    running = 0.0
    for step in range(1, steps + 1):
        loss = loss_of_batch()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        running += loss.item()
        if step % SAY_EVERY == 0:
            print(f"step {step}: {what.format(running / SAY_EVERY)}", flush=True)
            running = 0.0
    network.eval()
