"""Measure the classical MR, radiograph, ultrasound, PET and NM pipelines on the sample sets.

    python -m pipelines.evaluation.modalities --samples FOLDER [--only mr xr us nuclear]

Prints one table; the figures stand in the cards' evidence.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk
from PIL import Image
from pydicom import Dataset

from pipelines.contract import Enhanced, Parameter, Result, RunContext, Segmented
from pipelines.dicom_in import read_frames, read_volume
from pipelines.errors import PipelineRefused
from pipelines.evaluation.fidelity import psnr, ssim
from pipelines.evaluation.synthetic_head import make_head
from pipelines.measure import measure_enhanced
from pipelines.ops.metrics import dice
from pipelines.ops.uptake import grow_uptake
from pipelines.registry import load_cards, resolve
from pipelines.volume import Frames

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pipelines.contract import Source

VOLUMES = {
    "mr-enhance": ["mr-brain-t1-saganon", "mr-abdomen-adc-scan_001"],
    "pet-enhance": ["pet-hn-qin0024/PET"],
}
FRAMES = {
    "xr-enhance": "cr-dicom",
    "us-enhance": "us-dicom",
    "nm-enhance": "nm-samples",
}
HEADS = 10
EVERY = 8  # slices of a head whose noise is measured; the filter works plane by plane
PEAK = 330.0  # the brightest tissue of the synthetic heads


def apply(name: str, source: Source, **parameters: Parameter) -> Result:
    """The result of the pipeline `name` on `source`, with its card's parameters overlaid."""
    card = load_cards()[name]
    run = RunContext(card, {**card.parameters, **parameters}, "cpu", _no_network)
    return resolve(card)(source, run)


def enhanced(name: str, source: Source) -> NDArray[np.float32]:
    """The pixels that the enhancing pipeline `name` gives."""
    result = apply(name, source)
    if not isinstance(result, Enhanced):
        raise TypeError(name)
    return result.array


def labels(name: str, source: Source) -> NDArray[np.uint8]:
    """The label map that the segmenting pipeline `name` gives."""
    result = apply(name, source)
    if not isinstance(result, Segmented):
        raise TypeError(name)
    return result.labels


def measure_real(name: str, source: Source, what: str) -> None:
    """Print noise, mean and edges of one real source before and after `name`."""
    started = time.perf_counter()
    figures = measure_enhanced(source, enhanced(name, source))
    seconds = time.perf_counter() - started
    row: dict[str, Any] = {
        "noise SD": f"{_show(figures['noise_sd_before'])} -> {_show(figures['noise_sd_after'])}",
        "mean shift": _show(figures["mean_shift"]),
        "edge response": _show(figures["edge_response"]),
        "s": f"{seconds:.1f}",
    }
    _print(name, what, row)


def evaluate_mr(samples: Path) -> None:
    """Noise and brain on synthetic heads with exact truth, then real volumes."""
    gains: list[list[float]] = []
    likeness: list[list[float]] = []
    overlap = []
    for path in sorted((samples / "mr-synthseg-labels").glob("*.nii.gz"))[:HEADS]:
        head = make_head(path)
        few = np.flatnonzero(head.brain.any(axis=(1, 2)))[::EVERY]
        thin = replace(head.volume, array=head.volume.array[few])
        rows = (thin.array, enhanced("mr-enhance", thin))
        truth, inside = head.clean[few], head.brain[few]
        middle = len(few) // 2
        gains.append([psnr(row, truth, PEAK, inside) for row in rows])
        likeness.append([ssim(row[middle], truth[middle], PEAK, inside[middle]) for row in rows])
        overlap.append(dice(labels("mr-segment", head.volume) == 2, head.brain))
    if gains:
        _print("mr-enhance", f"{len(gains)} synthetic heads", _before_after(gains, likeness))
        _print("mr-segment", f"{len(overlap)} synthetic heads, brain", _spread(overlap))
    for folder in VOLUMES["mr-enhance"]:
        measure_real("mr-enhance", read_volume(_files(samples / folder)), folder)


def evaluate_xr(samples: Path) -> None:
    """Lung fields against the reviewed masks, then real radiographs."""
    folder = samples / "cxr-lungmask-hannover"
    overlap = []
    for path in sorted((folder / "images").iterdir()):
        plane = np.asarray(Image.open(path).convert("L"), dtype=np.float32)
        drawn = Image.open(folder / "lungmasks" / path.name).convert("L")
        truth = np.asarray(drawn.resize(plane.shape[::-1], Image.Resampling.NEAREST)) > 127
        found = labels("xr-segment", _picture("CR", plane))[0]
        overlap.append(dice((found == 1) | (found == 2), truth))
    _print("xr-segment", f"{len(overlap)} chest radiographs, both lungs", _spread(overlap))
    _measure_frames("xr-enhance", samples)


def evaluate_us(samples: Path) -> None:
    """Dark areas against the vessels of the nerve set, then real frames."""
    folder = samples / "us-nerve-usgra"
    overlap = []
    for path in sorted((folder / "images").iterdir()):
        plane = np.asarray(Image.open(path).convert("RGB"), dtype=np.float32)
        vessels = np.asarray(Image.open(folder / "masks" / path.name).convert("RGB"))[..., 1] > 64
        if vessels.any():
            overlap.append(dice(labels("us-segment", _picture("US", plane))[0] == 2, vessels))
    _print("us-segment", f"{len(overlap)} images, dark areas against vessels", _spread(overlap))
    _measure_frames("us-enhance", samples)


def evaluate_nuclear(samples: Path) -> None:
    """Uptake against tumours drawn by experts, then real PET and NM."""
    overlap, fixed = [], []
    card = load_cards()["pet-segment"].parameters
    for folder in sorted((samples / "sts-pet-ibsi").glob("STS_*")):
        image = sitk.ReadImage(str(folder / "PET_image.nii.gz"))
        suv = sitk.GetArrayFromImage(image).astype(np.float32)
        truth = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "PET_mask.nii.gz"))) > 0
        found = grow_uptake(
            suv,
            seed=float(card["seed_suv"]),
            part=float(card["contour_part"]),
            least=float(card["least_suv"]),
            pixels=1000 * float(card["minimum_ml"]) / float(np.prod(image.GetSpacing())),
        )
        overlap.append(dice(found, truth))
        fixed.append(dice(suv >= float(card["seed_suv"]), truth))
    _print("pet-segment", f"{len(overlap)} sarcomas (crops)", _spread(overlap))
    _print("SUV >= 4 alone", f"{len(fixed)} sarcomas (crops)", _spread(fixed))
    for folder_name in VOLUMES["pet-enhance"]:
        volume = read_volume(_files(samples / folder_name))
        measure_real("pet-enhance", volume, folder_name)
        ml = np.count_nonzero(labels("pet-segment", volume)) * np.prod(volume.spacing_mm) / 1000
        _print("pet-segment", folder_name, {"mL in all": f"{ml:.0f}"})
    _measure_frames("nm-enhance", samples)


def _measure_frames(name: str, samples: Path) -> None:
    for path in sorted((samples / FRAMES[name]).glob("*.dcm")):
        try:
            measure_real(name, read_frames(path), path.name)
        except PipelineRefused as refusal:
            _print(name, path.name, {"refused": refusal.code})


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if path.suffix == ".dcm"]


def _picture(modality: str, plane: NDArray[np.float32]) -> Frames:
    header = Dataset()
    header.Modality = modality
    header.Rows, header.Columns = plane.shape[:2]
    return Frames(plane[None], None, [header], [""])


def _before_after(gains: list[list[float]], likeness: list[list[float]]) -> dict[str, str]:
    before, after = np.mean(gains, axis=0)
    dim, bright = np.mean(likeness, axis=0)
    return {"PSNR": f"{before:.1f} -> {after:.1f} dB", "SSIM": f"{dim:.3f} -> {bright:.3f}"}


def _spread(values: list[float]) -> dict[str, str]:
    return {
        "DSC mean": f"{np.mean(values):.3f}",
        "median": f"{np.median(values):.3f}",
        "lowest": f"{min(values):.3f}",
        "highest": f"{max(values):.3f}",
    }


def _show(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _print(name: str, what: str, figures: dict[str, Any]) -> None:
    told = ", ".join(f"{key} {value}" for key, value in figures.items())
    print(f"{name:15} | {what:45} | {told}", flush=True)


def _no_network() -> None:
    raise RuntimeError("A classical pipeline has no network.")


EVALUATIONS: dict[str, Callable[[Path], None]] = {
    "mr": evaluate_mr,
    "xr": evaluate_xr,
    "us": evaluate_us,
    "nuclear": evaluate_nuclear,
}


def main() -> None:
    """Run the evaluations asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--only", nargs="*", choices=sorted(EVALUATIONS), default=[])
    given = parser.parse_args()
    for name, evaluate in EVALUATIONS.items():
        if not given.only or name in given.only:
            evaluate(given.samples)


if __name__ == "__main__":
    main()
