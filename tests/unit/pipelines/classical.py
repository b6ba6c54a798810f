"""Sources made up for the classical pipelines, and a short way to run one."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydicom import Dataset
from scipy import ndimage

from pipelines.contract import Result, RunContext
from pipelines.registry import load_cards, resolve
from pipelines.volume import Frames, Volume


def run(name: str, source: Volume | Frames, **parameters: Any) -> Result:
    """The result of the shipped pipeline `name`."""
    card = load_cards()[name]
    context = RunContext(card, {**card.parameters, **parameters}, "cpu", lambda: None)
    return resolve(card)(source, context)


def header(modality: str, **attributes: Any) -> Dataset:
    made = Dataset()
    made.Modality = modality
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def a_volume(
    array: np.ndarray,
    modality: str,
    *,
    spacing_mm: tuple[float, float, float] = (2.0, 1.0, 1.0),
    padding: np.ndarray | None = None,
    **attributes: Any,
) -> Volume:
    sources = [header(modality, **attributes) for _ in array]
    affine = np.diag([*spacing_mm[::-1], 1.0])
    return Volume(array.astype(np.float32), affine, padding, sources, [""] * len(array))


def frames_of(
    array: np.ndarray, modality: str, *, padding: np.ndarray | None = None, **attributes: Any
) -> Frames:
    made = header(modality, Rows=array.shape[1], Columns=array.shape[2], **attributes)
    return Frames(array.astype(np.float32), padding, [made], [""])


def a_source(name: str, array: np.ndarray, padding: np.ndarray | None = None) -> Volume | Frames:
    """`array` as the kind of source that the pipeline `name` takes, with what it needs to know."""
    card = load_cards()[name]
    modality = card.limits.modalities[0]
    if card.limits.input == "frames":
        return frames_of(array, modality, padding=padding)
    extra = PET if modality == "PT" else {"ImageType": ["ORIGINAL", "PRIMARY", "M"]}
    return a_volume(array, modality, padding=padding, **extra)


def drug(**attributes: Any) -> Dataset:
    made = Dataset()
    made.RadionuclideTotalDose = 3.5e8
    made.RadionuclideHalfLife = 6586.2
    made.RadiopharmaceuticalStartTime = "110000"
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


PET: dict[str, Any] = {
    "Units": "BQML",
    "CorrectedImage": ["ATTN", "DECY"],
    "DecayCorrection": "START",
    "PatientWeight": 70,
    "SeriesDate": "20260102",
    "SeriesTime": "120000",
    "RadiopharmaceuticalInformationSequence": [drug()],
}


def blobs(shape: tuple[int, ...], seed: int = 3, top: float = 1000.0) -> np.ndarray:
    """Smooth random shapes on a dark ground with a little noise, never negative."""
    rng = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(rng.standard_normal(shape), (0.5, *[shape[1] / 12] * 2))
    smooth = np.clip(smooth / smooth.std(), 0, None)
    return np.clip(top * smooth / smooth.max() + rng.normal(0, top / 50, shape), 0, None)
