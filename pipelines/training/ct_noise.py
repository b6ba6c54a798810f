"""Quantum noise as a CT scanner makes it: Poisson counts in the sinogram, then back-projected.

Parallel beam; the noise of a line integral p measured with I0 photons has the variance
``exp(p) / I0`` (Whiting et al., Med Phys 2006; Zeng et al., IEEE TNS 2015). Reconstruction is
linear, so the noise is reconstructed alone and added to the image: thick body parts get the
streaks, the ramp filter its grain, the kernel its softness, all as in the real thing.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray

MU_WATER_PER_MM = 0.0193  # at 70 keV, NIST XCOM
VIEWS = 288
_CHUNK = 32


def _angles() -> torch.Tensor:
    return torch.arange(VIEWS, dtype=torch.float32) * (math.pi / VIEWS)


def project(image: torch.Tensor) -> torch.Tensor:
    """Give the line sums of a square image (n, n) as (view, n), in pixel units."""
    size = image.shape[0]
    sums = []
    for angles in _angles().split(_CHUNK):
        cos, sin, zero = angles.cos(), angles.sin(), torch.zeros_like(angles)
        turn = torch.stack([cos, -sin, zero, sin, cos, zero], dim=1).view(-1, 2, 3)
        grid = torch.nn.functional.affine_grid(
            turn, [len(angles), 1, size, size], align_corners=False
        )
        turned = torch.nn.functional.grid_sample(
            image.expand(len(angles), 1, size, size), grid, align_corners=False
        )
        sums.append(turned.sum(dim=2)[:, 0])
    return torch.cat(sums)


def back_project(sinogram: torch.Tensor) -> torch.Tensor:
    """Give the image (n, n) of a filtered sinogram (view, n)."""
    size = sinogram.shape[1]
    axis = (torch.arange(size, dtype=torch.float32) - (size - 1) / 2) / (size / 2)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    image = torch.zeros(size, size)
    for angle, profile in zip(_angles(), sinogram, strict=True):
        place = x * torch.cos(angle) + y * torch.sin(angle)
        grid = torch.stack([place, torch.zeros_like(place)], dim=-1)[None]
        image += torch.nn.functional.grid_sample(
            profile.view(1, 1, 1, size), grid, align_corners=False
        )[0, 0]
    return image * (math.pi / VIEWS)


def transfer(frequency: NDArray[np.floating], cutoff: float) -> NDArray[np.floating]:
    """Give a kernel's transfer (0 to 1) at `frequency` in cycles per pixel.

    A raised cosine that reaches zero at `cutoff`: the Hann kernel, soft where `cutoff` is small.
    """
    inside = np.minimum(np.abs(frequency) / cutoff, 1.0)
    return np.asarray(0.5 * (1.0 + np.cos(np.pi * inside)))


def soften(image: NDArray[np.float32], cutoff: float) -> NDArray[np.float32]:
    """Give the image as the kernel of `cutoff` would show it."""
    down, across = np.fft.fftfreq(image.shape[0]), np.fft.rfftfreq(image.shape[1])
    radius = np.hypot(down[:, None], across[None, :])
    spectrum = np.fft.rfft2(image) * transfer(radius, cutoff)
    return np.fft.irfft2(spectrum, image.shape).astype(np.float32)


def unit_noise(
    clean_hu: NDArray[np.float32], pixel_mm: float, cutoff: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Give a noise image of standard deviation 1 over the body of a square slice (n, n).

    Scaling it by s is choosing the tube current that gives s HU.
    """
    attenuation = np.maximum(clean_hu / 1000.0 + 1.0, 0.0) * MU_WATER_PER_MM
    integrals = project(torch.from_numpy(attenuation.astype(np.float32))).numpy() * pixel_mm
    spread = np.exp(np.minimum(integrals, 8.0) / 2.0)  # photon starvation stops at detector noise
    counts = rng.standard_normal(integrals.shape) * spread
    size = counts.shape[1]
    frequency = np.fft.rfftfreq(2 * size)
    kernel = frequency * transfer(frequency, cutoff)
    filtered = np.fft.irfft(np.fft.rfft(counts, 2 * size, axis=1) * kernel, 2 * size, axis=1)
    noise = back_project(torch.from_numpy(filtered[:, :size].astype(np.float32))).numpy()
    return np.asarray(noise / noise[clean_hu > -500.0].std())
