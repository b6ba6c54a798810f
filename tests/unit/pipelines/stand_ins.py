"""Pipelines that do as little as can be told, with the cards that name them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pipelines.contract import Enhanced, RunContext, Segmented, Source
from pipelines.models.card import ModelCard
from pipelines.request import Equipment, RunRequest
from pipelines.run import Manifest, run
from tests.builders import write_series

EVERY_MODALITY = ["CT", "MR", "PT", "CR", "DX", "MG", "US", "NM"]
CREATED_AT = "2026-11-23T22:30:00+00:00"


def identity(source: Source, context: RunContext) -> Enhanced:
    return Enhanced(source.array.copy())


def add(source: Source, context: RunContext) -> Enhanced:
    return Enhanced(source.array + np.float32(context.parameters["step"]))


def noise(source: Source, context: RunContext) -> Enhanced:
    """One percent of the image's range added at random, the same for the same image."""
    spread = float(source.array.max() - source.array.min()) / 100
    drawn = np.random.default_rng(0).normal(0, spread, source.array.shape)
    return Enhanced((source.array + drawn).astype(np.float32))


def soften(source: Source, context: RunContext) -> Enhanced:
    """Average of a pixel and its left neighbour."""
    left = np.concatenate([source.array[:, :, :1], source.array[:, :, :-1]], axis=2)
    return Enhanced((source.array + left) / 2)


def above(source: Source, context: RunContext) -> Segmented:
    """1 where brighter than `low`, 3 where brighter than `high`."""
    grey = source.array if source.array.ndim == 3 else source.array.mean(axis=-1)
    labels = (grey > float(context.parameters["low"])).astype(np.uint8)
    labels[grey > float(context.parameters["high"])] = 3
    return Segmented(labels)


def doubtful(source: Source, context: RunContext) -> Segmented:
    """As `above`, with the column's part of the width as its uncertainty, where somebody asks."""
    labels = above(source, context).labels
    if not context.wants_uncertainty:
        return Segmented(labels)
    part = np.linspace(0, 1, labels.shape[2], dtype=np.float32)
    return Segmented(labels, np.broadcast_to(part, labels.shape).copy())


def a_card(function: str = "identity", **changes: Any) -> ModelCard:
    """A card for `function`, which takes volumes unless `limits` say otherwise."""
    kind = "segment" if function in ("above", "doubtful") else "enhance"
    values: dict[str, Any] = {
        "name": f"test-{function}",
        "version": "1.0",
        "title": f"Test of {function}",
        "kind": kind,
        "entry": f"tests.unit.pipelines.stand_ins:{function}",
        "method": "classical",
        "intended_use": "tests",
        "not_for": "patients",
        "licence": "Apache-2.0",
        "suffix": " made",
        "limits": {"modalities": EVERY_MODALITY, "input": "volume", "rows": [2, 5000],
                   "columns": [2, 5000], "colour": True},
        "evidence": {"text": "none", "command": "none"},
    }  # fmt: skip
    if kind == "enhance":
        values["derivation"] = {
            "value": "DENOISE", "scheme": "99DICOMNODE", "meaning": "Noise reduction",
        }  # fmt: skip
    if function == "add":
        values["parameters"] = {"step": 1.0}
    if kind == "segment":
        values["parameters"] = {"low": 0.0, "high": 1e9}
        values["segments"] = SEGMENTS
    if "limits" in changes:
        changes["limits"] = {**values["limits"], **changes["limits"]}
    return ModelCard(**{**values, **changes})


SEGMENTS = [
    {
        "number": 1, "label": "Tissue", "colour": [230, 170, 120],
        "category": {"value": "85756007", "scheme": "SCT", "meaning": "Tissue"},
        "type": {"value": "85756007", "scheme": "SCT", "meaning": "Tissue"},
    },
    {
        "number": 3, "label": "Left lung", "colour": [90, 160, 240],
        "category": {"value": "91723000", "scheme": "SCT", "meaning": "Anatomical Structure"},
        "type": {"value": "39607008", "scheme": "SCT", "meaning": "Lung"},
        "modifier": {"value": "7771000", "scheme": "SCT", "meaning": "Left"},
    },
]  # fmt: skip


def frames_card(function: str = "identity", **changes: Any) -> ModelCard:
    limits = {"input": "frames", **changes.pop("limits", {})}
    return a_card(function, limits=limits, **changes)


def run_card(
    card: ModelCard, images: list[Any], folder: Path, **changes: Any
) -> tuple[Manifest, Path]:
    """Run `card` on images or their files; gives the manifest and the results' folder."""
    results = folder / changes.pop("results", "results")
    results.mkdir(parents=True)
    paths = images if isinstance(images[0], Path) else write_series(folder / "source", images)
    return run(a_request(card, paths, results, **changes), cards={card.name: card}), results


def a_request(card: ModelCard, paths: list[Path], results: Path, **changes: Any) -> RunRequest:
    values: dict[str, Any] = {
        "pipeline": card.name,
        "inputs": [str(path) for path in paths],
        "output_folder": str(results),
        "created_at": CREATED_AT,
        "time_zone": "Europe/Berlin",
        "equipment": Equipment(
            software_version="9.9", device_uid="2.25.77", serial="S1", station_name="NODE1"
        ),
    }
    return RunRequest(**{**values, **changes})
