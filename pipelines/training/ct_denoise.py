"""Train the network of the card ct-denoise.

    python -m pipelines.training.ct_denoise --samples FOLDER --out FILE

Truth: real slices, halved by area averaging and cleaned by non-local means, and drawn phantoms.
Input: the same with reconstructed Poisson noise (`pipelines.training.ct_noise`) of a random
kernel and dose. ``lung1`` is left out: its figures are those of a patient never seen.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors.torch import save_file
from skimage.restoration import denoise_nl_means

from pipelines.networks.noise_unet import NoiseUNet
from pipelines.ops.tissue_noise import noise_level
from pipelines.training import samples
from pipelines.training.ct_noise import soften, unit_noise
from pipelines.training.loop import fit
from pipelines.training.phantoms import draw_slice

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEED = 20260801
TRAINED_ON = (samples.CRLM, samples.ABDOMEN, samples.HEAD, samples.LIMB_PHANTOM)
SIZE = 256  # pixels of a training slice
PATCH = 96
BATCH = 12
STEPS = 3000
PHANTOMS = 60
KERNELS_A_SLICE = 3
LEVELS_HU = (3.0, 70.0)


@dataclass(frozen=True, slots=True)
class Pair:
    """A slice without noise, and noise of unit strength as its scanner would show it."""

    clean: NDArray[np.float32]
    noise: NDArray[np.float32]


def clean_slices(folder: Path, rng: np.random.Generator) -> list[NDArray[np.float32]]:
    """Give (SIZE, SIZE) slices in HU with little noise of their own."""
    slices = []
    for series in TRAINED_ON:
        for plane in samples.load(series, folder).hu:
            wide = np.clip(plane, -1024.0, 2000.0)
            half = wide.reshape(SIZE, 2, SIZE, 2).mean(axis=(1, 3), dtype=np.float32)
            level = np.nan_to_num(noise_level(half), nan=10.0)
            slices.append(
                denoise_nl_means(
                    half, patch_size=5, patch_distance=7, h=0.8 * level, sigma=level
                ).astype(np.float32)
            )
    return slices + [draw_slice(SIZE, rng) for _ in range(PHANTOMS)]


def make_pairs(slices: list[NDArray[np.float32]], rng: np.random.Generator) -> list[Pair]:
    """Give each slice with several kernels, from very soft to none."""
    pairs = []
    for clean in slices:
        for _ in range(KERNELS_A_SLICE):
            cutoff = float(rng.uniform(0.12, 0.75))
            noise = unit_noise(clean, float(rng.uniform(0.8, 1.8)), cutoff, rng)
            pairs.append(Pair(soften(clean, cutoff), noise))
    return pairs


def draw_batch(
    pairs: list[Pair], rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Give (noisy, noise, level, weight), the level measured as at run time."""
    images: list[NDArray[np.float32]] = []
    levels: list[float] = []
    while len(images) < BATCH:
        pair = pairs[rng.integers(len(pairs))]
        noise = pair.noise * np.exp(rng.uniform(*np.log(LEVELS_HU)))
        level = noise_level(pair.clean + noise)
        y, x = rng.integers(0, SIZE - PATCH, size=2)
        cut = np.s_[y : y + PATCH, x : x + PATCH]
        body = pair.clean[cut] > -960.0
        if not np.isfinite(level) or body.mean() < 0.2:
            continue
        patch = np.stack([(pair.clean + noise)[cut], noise[cut], np.where(body, 1.0, 0.05)])
        images.append(np.rot90(patch, int(rng.integers(4)), axes=(1, 2)).astype(np.float32))
        levels.append(level * float(np.exp(rng.normal(0.0, 0.1))))
    noisy, noises, weights = torch.from_numpy(np.stack(images, axis=1))[:, :, None]
    return noisy, noises, torch.tensor(levels).view(-1, 1, 1, 1), weights


def train(folder: Path, steps: int = STEPS) -> NoiseUNet:
    """Give the trained network; the same seed gives the same figures."""
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    pairs = make_pairs(clean_slices(folder, rng), rng)
    print(f"{len(pairs)} pairs of {SIZE} x {SIZE}", flush=True)
    network: NoiseUNet = NoiseUNet().to(memory_format=torch.channels_last)

    def loss() -> torch.Tensor:
        noisy, noise, level, weight = draw_batch(pairs, rng)
        error = (network(noisy, level) - noise).abs() * weight / level
        return error.sum() / weight.sum()

    fit(network, loss, steps=steps, max_lr=2e-3, what="mean error {:.4f} of the noise level")
    return network


def main() -> None:
    """Train and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(mode=True)
    network = train(chosen.samples)
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, chosen.out)


if __name__ == "__main__":
    main()
