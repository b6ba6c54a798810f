"""Train the network of the card ct-segment.

    python -m pipelines.training.ct_segment --samples FOLDER --out FILE
    python -m pipelines.training.ct_segment --samples FOLDER --leave-out lung1

The second trains without one patient and prints the overlap on that patient: the card's evidence.
Labels: `pipelines.training.ct_labels`. With six patients the augmentation carries much: turning,
scaling, noise, contrast medium and gas painted where bone and lung must not be seen.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors.torch import save_file
from scipy import ndimage
from torch import nn

from pipelines.ct.segment import label_volume
from pipelines.networks.plane_unet import OFFSETS_MM, PIXEL_MM, PlaneUNet
from pipelines.ops.metrics import dice
from pipelines.ops.planes import planes_round, to_grid
from pipelines.training import samples
from pipelines.training.ct_labels import BODY, BONE, BONES, LOBES, LUNG, label_scan
from pipelines.training.loop import fit

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEED = 20260802
CLASSES = 4
WIDTHS = (24, 48, 72, 96, 96)
PATCH = 224
BATCH = 6
STEPS = 1000
CLASS_WEIGHTS = (1.0, 1.0, 1.5, 2.0)
NAMES = {BODY: "body", LUNG: "lungs", BONE: "bone"}


@dataclass(frozen=True, slots=True)
class Example:
    """A scan on the training grid: HU and labels (z, y, x) with 1.5 mm pixels."""

    name: str
    hu: NDArray[np.float32]
    labels: NDArray[np.uint8]
    slice_mm: float


def make_example(scan: samples.Scan, labels: NDArray[np.uint8]) -> Example:
    """Give a scan on the training grid."""
    inplane = scan.spacing_mm[1:]
    hu = to_grid(np.clip(scan.hu, -1024.0, 3000.0), inplane, PIXEL_MM)
    shares = np.stack(
        [to_grid((labels == n).astype(np.float32), inplane, PIXEL_MM) for n in range(CLASSES)]
    )
    return Example(scan.name, hu, shares.argmax(axis=0).astype(np.uint8), scan.spacing_mm[0])


def draw_batch(
    examples: list[Example], rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Give (planes, labels) as (n, 5, PATCH, PATCH) HU and (n, PATCH, PATCH) classes."""
    planes, labels = [], []
    chances = np.sqrt([len(example.hu) for example in examples])
    for _ in range(BATCH):
        example = examples[rng.choice(len(examples), p=chances / chances.sum())]
        index = int(rng.integers(len(example.hu)))
        stretch = float(rng.uniform(0.7, 1.4))
        hu = planes_round(example.hu, index, example.slice_mm * stretch, OFFSETS_MM)
        hu, truth = _turn(hu, example.labels[index], rng)
        planes.append(_disturb(hu, truth, rng))
        labels.append(truth.astype(np.int64))
    return torch.from_numpy(np.stack(planes)), torch.from_numpy(np.stack(labels))


def _turn(
    hu: NDArray[np.float32], labels: NDArray[np.uint8], rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    angle, scale = rng.normal(0.0, 0.15), np.exp(rng.uniform(-0.25, 0.25))
    cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
    flip = -1.0 if rng.random() < 0.5 else 1.0
    rows, columns = labels.shape
    centre = rng.uniform(0.35, 0.65, size=2) * (rows, columns)
    matrix = np.array([[cos, -sin * flip], [sin, cos * flip]])
    start = centre - matrix @ np.array([PATCH / 2, PATCH / 2])
    shape = (PATCH, PATCH)
    turned = np.stack(
        [
            ndimage.affine_transform(plane, matrix, start, shape, order=1, cval=-1024.0)
            for plane in hu
        ]
    )
    return turned, ndimage.affine_transform(labels, matrix, start, shape, order=0)


def _disturb(
    hu: NDArray[np.float32], labels: NDArray[np.uint8], rng: np.random.Generator
) -> NDArray[np.float32]:
    y, x = np.mgrid[:PATCH, :PATCH].astype(np.float32)
    soft = labels == BODY
    for chance, low, high in ((0.4, 150.0, 700.0), (0.3, -1000.0, -700.0)):
        if rng.random() < chance:
            for _ in range(rng.integers(1, 4)):
                cy, cx = rng.uniform(0, PATCH, size=2)
                ry, rx = rng.uniform(4, 22, size=2)
                spot = ((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 < 1.0
                hu = np.where(spot & soft, np.float32(rng.uniform(low, high)), hu)
    noise = rng.standard_normal(hu.shape).astype(np.float32)
    noise = ndimage.gaussian_filter(noise, (0, 0.7, 0.7)) * 2.0 * rng.uniform(0, 30)
    return np.asarray(hu * rng.uniform(0.95, 1.05) + rng.normal(0, 12) + noise, dtype=np.float32)


def train(examples: list[Example], steps: int = STEPS) -> PlaneUNet:
    """Give the trained network; the same seed gives the same figures."""
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    network: PlaneUNet = PlaneUNet(CLASSES, WIDTHS).to(memory_format=torch.channels_last)
    weights = torch.tensor(CLASS_WEIGHTS)

    def loss() -> torch.Tensor:
        planes, labels = draw_batch(examples, rng)
        scores = network(planes)
        crossed = nn.functional.cross_entropy(scores, labels, weights)
        return crossed + _soft_dice(scores, labels)

    fit(network, loss, steps=steps, max_lr=4e-3, what="loss {:.4f}")
    return network


def _soft_dice(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Give 1 minus the mean soft overlap of the structures over the batch."""
    found = scores.softmax(dim=1)[:, 1:]
    truth = nn.functional.one_hot(labels, CLASSES).permute(0, 3, 1, 2)[:, 1:].to(found)
    both, sizes = (found * truth).sum(dim=(0, 2, 3)), (found + truth).sum(dim=(0, 2, 3))
    return 1.0 - ((2 * both + 1.0) / (sizes + 1.0)).mean()


def overlaps(network: PlaneUNet, scan: samples.Scan, labels: NDArray[np.uint8]) -> dict[str, float]:
    """Give the Dice overlap of each structure with the rules' labels and the pseudo-labels."""
    found = label_volume(scan.hu, scan.spacing_mm, network, "cpu")
    figures = {name: dice(found == n, labels == n) for n, name in NAMES.items()}
    figures["outline"] = dice(found > 0, labels > 0)
    if scan.labels is not None:
        figures["lungs, pseudo"] = dice(found == LUNG, np.isin(scan.labels, LOBES))
        figures["bone, pseudo"] = dice(found == BONE, np.isin(scan.labels, BONES))
    return figures


def main() -> None:
    """Train; write the weights, or print the overlap on the patient left out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--leave-out", choices=[series.name for series in samples.EVERY_SERIES])
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(mode=True)
    scans = [samples.load(series, chosen.samples) for series in samples.EVERY_SERIES]
    labelled = [(scan, label_scan(scan)) for scan in scans]
    network = train([make_example(*pair) for pair in labelled if pair[0].name != chosen.leave_out])
    for scan, labels in labelled:
        seen = "left out" if scan.name == chosen.leave_out else "trained on"
        figures = ", ".join(f"{k} {v:.3f}" for k, v in overlaps(network, scan, labels).items())
        print(f"{scan.name} ({seen}): {figures}", flush=True)
    if chosen.out:
        save_file({k: v.contiguous() for k, v in network.state_dict().items()}, chosen.out)


if __name__ == "__main__":
    main()
