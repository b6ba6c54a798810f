"""Measure the CT pipelines beside their baselines.

    python -m pipelines.evaluation.ct --samples FOLDER

Needs the packages of the dev group, as training does. The figures stand in the cards' evidence.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import ndimage
from skimage.restoration import denoise_nl_means

from pipelines.ct.enhance import noise_of
from pipelines.evaluation.baselines import DENOISERS
from pipelines.evaluation.fidelity import psnr, ssim
from pipelines.models.weights import load_network
from pipelines.ops.homogeneous import homogeneous_region
from pipelines.ops.metrics import dice, edge_response, noise_sd
from pipelines.ops.tissue_noise import noise_level, noise_levels
from pipelines.registry import load_cards
from pipelines.training import samples
from pipelines.training.ct_denoise import SIZE
from pipelines.training.ct_labels import BODY, BONE, LUNG, label_scan
from pipelines.training.ct_noise import soften, unit_noise
from pipelines.training.ct_segment import NAMES, overlaps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.models.card import ModelCard

SEED = 7
RANGE_HU = 2000.0
SOFT_TISSUE = (-160.0, 240.0)
KERNELS = (0.2, 0.5)  # cut-off in cycles per pixel: soft, standard
DOSES_HU = (10.0, 25.0, 50.0)  # noise of full, quarter and low dose
EVERY = 6  # slices


def compare_denoisers(folder: Path, card: ModelCard) -> None:
    """Print PSNR and SSIM on simulated noise over slices of the patient left out of training."""
    network = load_network(card, "cpu")
    rng = np.random.default_rng(SEED)
    found: dict[tuple[float, str], list[tuple[float, float]]] = defaultdict(list)
    for plane in samples.load(samples.LUNG1, folder).hu[EVERY // 2 :: EVERY]:
        half = np.clip(plane, -1024, 2000).reshape(SIZE, 2, SIZE, 2).mean(axis=(1, 3))
        own = noise_level(half)
        quiet = denoise_nl_means(half, patch_size=5, patch_distance=7, h=0.8 * own, sigma=own)
        for kernel in KERNELS:
            truth = soften(quiet, kernel)
            noise = unit_noise(truth, 1.14, kernel, rng)
            for dose in DOSES_HU:
                noisy = truth + dose * noise
                for name, image in _restored(noisy, truth, network).items():
                    region = truth > -900.0
                    figures = (
                        psnr(image, truth, RANGE_HU, region),
                        _seen_similarity(image, truth, region),
                    )
                    found[dose, name].append(figures)
    print("| noise, HU | method | PSNR, dB | SSIM |\n| --- | --- | --- | --- |")
    for (dose, name), every in found.items():
        ratio, similarity = np.mean(every, axis=0)
        print(f"| {dose:g} | {name} | {ratio:.2f} | {similarity:.4f} |")


def _seen_similarity(
    image: NDArray[np.float32], truth: NDArray[np.float32], region: NDArray[np.bool_]
) -> float:
    """Give the structural similarity as seen in the soft-tissue window."""
    low, high = SOFT_TISSUE
    return ssim(np.clip(image, low, high), np.clip(truth, low, high), high - low, region)


def _restored(
    noisy: NDArray[np.float32], truth: NDArray[np.float32], network: torch.nn.Module
) -> dict[str, NDArray[np.float32]]:
    """Give every method's image; a baseline has the strength that suits this slice best."""
    level = noise_level(noisy)
    region = truth > -900.0
    images = {"none": noisy}
    for name, (method, strengths) in DENOISERS.items():
        tried = [method(noisy, level, strength) for strength in strengths]
        images[name] = max(tried, key=lambda image: psnr(image, truth, RANGE_HU, region))
    images["ct-denoise"] = noisy - noise_of(noisy, level, network, "cpu")
    return images


def measure_real(folder: Path, card: ModelCard) -> None:
    """Print noise, edges and mean before and after on whole real series, at the card's strength."""
    network, strength = load_network(card, "cpu"), float(card.parameters["strength"])
    print(
        "| series | seen in training | noise before | after | edges kept | air | fat"
        " | soft tissue | bone |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    )
    trained = {item.name for item in card.training_data}
    for series in samples.EVERY_SERIES:
        if series in (samples.TRUNK, samples.LIMB_PHANTOM):
            continue
        scan = samples.load(series, folder)
        source = np.maximum(scan.hu, -1024.0)
        levels = noise_levels(source)
        noise = np.stack(
            [noise_of(p, float(s), network, "cpu") for p, s in zip(source, levels, strict=True)]
        )
        result = source - strength * noise
        shifts = [
            f"{(result - source)[(source > low) & (source < high)].mean():+.2f}"
            for low, high in ((-980, -700), (-130, -70), (0, 120), (300, 2000))
        ]
        valid = source > -1000.0
        region = homogeneous_region(source, valid, "CT")
        edges = edge_response(source, result, valid)
        print(
            f"| {series.name} | {'yes' if series.name in trained else 'no'} |"
            f" {noise_sd(source, region):.1f} | {noise_sd(result, region):.1f} |"
            f" {edges:.3f} | {' | '.join(shifts)} |"
        )


def compare_segmenters(folder: Path, card: ModelCard) -> None:
    """Print Dice overlaps of the shipped network, and of thresholds, on every labelled series."""
    network = load_network(card, "cpu")
    for series in samples.EVERY_SERIES:
        scan = samples.load(series, folder)
        labels = label_scan(scan)
        figures = overlaps(network, scan, labels)
        print(f"{scan.name}: " + ", ".join(f"{k} {v:.3f}" for k, v in figures.items()))
        guess = _threshold(scan.hu)
        plain = {name: dice(guess == n, labels == n) for n, name in NAMES.items()}
        print("  thresholds: " + ", ".join(f"{k} {v:.3f}" for k, v in plain.items()))


def _threshold(hu: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Give labels by CT values alone: the baseline."""
    inside = np.stack([ndimage.binary_fill_holes(plane > -350.0) for plane in hu])
    labels = inside.astype(np.uint8) * BODY
    labels[inside & (hu < -400.0)] = LUNG
    labels[hu > 180.0] = BONE
    return labels


def main() -> None:
    """Print the tables of both cards."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=Path, required=True)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    cards = load_cards()
    print("ct-denoise, simulated noise on lung1")
    compare_denoisers(chosen.samples, cards["ct-denoise"])
    print("\nct-denoise, real series")
    measure_real(chosen.samples, cards["ct-denoise"])
    print("\nct-segment")
    compare_segmenters(chosen.samples, cards["ct-segment"])


if __name__ == "__main__":
    main()
