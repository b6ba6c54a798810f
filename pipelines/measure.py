"""What a run tells about its result: the figures of the manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from pipelines.ops.homogeneous import homogeneous_region
from pipelines.ops.metrics import edge_response, mean_shift, noise_sd
from pipelines.ops.ultrasound_regions import tissue_mask
from pipelines.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pipelines.contract import Source
    from pipelines.models.card import Segment

MOST_PLANES = 40  # spread over the stack; more would not change a median
PADDING_EDGE = 4  # pixels beside padding whose slope is the padding's
_UNITS = {"CT": "HU"}


def measure_enhanced(source: Source, after: NDArray[np.float32]) -> dict[str, Any]:
    """Noise, mean and edges of the source and of its enhanced pixels; None where unmeasurable."""
    planes = np.unique(np.linspace(0, len(source.array) - 1, MOST_PLANES).round().astype(int))
    before, later = _grey(source.array[planes]), _grey(after[planes])
    valid = _valid(source, planes, before.shape) & _worked_on(before, later)
    region = homogeneous_region(before, valid, source.modality)
    image = source.sources[0]
    return {
        "noise_sd_before": noise_sd(before, region),
        "noise_sd_after": noise_sd(later, region),
        "mean_shift": mean_shift(before, later, region),
        "edge_response": edge_response(before, later, valid),
        "max_abs_change": max(  # plane by plane: the whole would be another two volumes
            float(np.abs(new - old).max()) for new, old in zip(after, source.array, strict=True)
        ),
        "unit": _UNITS.get(source.modality) or str(image.get("Units", "") or ""),
    }


def measure_segments(
    source: Source, labels: NDArray[np.uint8], segments: Sequence[Segment]
) -> list[dict[str, Any]]:
    """Size, mean and spread of every segment that is there."""
    grey = _grey(source.array)
    voxel_ml = np.prod(source.spacing_mm) / 1000 if isinstance(source, Volume) else None
    boxes = dict(enumerate(ndimage.find_objects(labels), start=1))
    rows = []
    for segment in segments:
        if box := boxes.get(segment.number):
            values = grey[box][labels[box] == segment.number]
            rows.append(
                {
                    "number": segment.number,
                    "label": segment.label,
                    "voxels": int(values.size),
                    "ml": None if voxel_ml is None else float(values.size * voxel_ml),
                    "mean": float(values.mean(dtype=np.float64)),
                    "sd": float(values.std(dtype=np.float64)),
                }
            )
    return rows


def merge_enhanced(measured: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One set of figures for several images: medians, and the largest change."""
    merged = dict(measured[0])
    for key in ("noise_sd_before", "noise_sd_after", "mean_shift", "edge_response"):
        known = [each[key] for each in measured if each[key] is not None]
        merged[key] = float(np.median(known)) if known else None
    merged["max_abs_change"] = max(each["max_abs_change"] for each in measured)
    return merged


def list_phases(measured: Sequence[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The segments of every phase of a series, numbered from 1 where there are several."""
    if len(measured) == 1:
        return measured[0]
    return [row | {"phase": number} for number, rows in enumerate(measured, 1) for row in rows]


def merge_segments(measured: Sequence[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """One list of segments for several images: sizes added, means weighted by them."""
    merged: dict[int, dict[str, Any]] = {}
    for row in (row for rows in measured for row in rows):
        known = merged.get(row["number"])
        if known is None:
            merged[row["number"]] = dict(row)
            continue
        sizes = known["voxels"], row["voxels"]
        total = sum(sizes)
        mean = (known["mean"] * sizes[0] + row["mean"] * sizes[1]) / total
        square = sum(
            size * (each["sd"] ** 2 + (each["mean"] - mean) ** 2)
            for size, each in zip(sizes, (known, row), strict=True)
        )
        known |= {"voxels": total, "mean": mean, "sd": float(np.sqrt(square / total))}
    return [merged[number] for number in sorted(merged)]


def _grey(array: NDArray[np.float32]) -> NDArray[np.float32]:
    return array.mean(axis=-1) if array.ndim == 4 else array


def _worked_on(before: NDArray[np.float32], after: NDArray[np.float32]) -> NDArray[np.bool_]:
    """True where the pipeline changed most pixels round about; all True where it changed none.

    What it leaves alone on purpose, texts and borders, says nothing about what it does.
    """
    changed = ndimage.uniform_filter((before != after).astype(np.float32), (0, 9, 9)) > 0.5
    return changed if changed.any() else np.ones_like(changed)


def _valid(source: Source, planes: NDArray[np.int_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """True where a pixel and its neighbours are image: no padding, no text beside the sector."""
    valid = np.ones(shape, np.bool_)
    tissue = tissue_mask(source.sources[0])
    if tissue is not None:
        valid &= tissue
    if source.padding is not None:
        valid &= ~source.padding[planes]
    if not valid.all():
        reach = np.ones((1, 2 * PADDING_EDGE + 1, 2 * PADDING_EDGE + 1), np.bool_)
        valid = ndimage.binary_erosion(valid, reach, border_value=1)
    return valid
