"""What a slot's child does: files in, a pipeline, files and a manifest out."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.collector import collecting_seldom
from pipelines.conformance import gate
from pipelines.contract import Enhanced, RunContext, Segmented
from pipelines.dicom_in import read_frames, read_volumes
from pipelines.dicom_out.enhanced import write_enhanced
from pipelines.dicom_out.further import write_beside_images, write_beside_segmentations
from pipelines.dicom_out.multi_frame import MultiFrameWriter
from pipelines.dicom_out.planes import Result as Labelled
from pipelines.dicom_out.provenance import Origin
from pipelines.dicom_out.seg import write_forms, write_split
from pipelines.dicom_out.seg_pixels import numbers_shown
from pipelines.dicom_out.sr import write_reports
from pipelines.errors import PipelineFailed, PipelineRefused
from pipelines.limits import check
from pipelines.manifest import MANIFEST_NAME, Manifest, OutputFile
from pipelines.measure import (
    list_phases,
    measure_enhanced,
    measure_segments,
    merge_enhanced,
    merge_segments,
)
from pipelines.protect import keep_protected
from pipelines.registry import load_cards, resolve
from pipelines.request import Equipment, RunRequest
from pipelines.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from pipelines.contract import Parameter, Result, Source
    from pipelines.models.card import ModelCard

__all__ = ["Equipment", "Manifest", "OutputFile", "RunRequest", "run"]

NOTHING_FOUND = "nothing found"
READ_PART, PIPELINE_PART = 0.1, 0.8  # of the whole run, for its progress


@collecting_seldom()
def run(
    request: RunRequest,
    progress: Callable[[float], None] = lambda _part: None,
    cards: Mapping[str, ModelCard] | None = None,
) -> Manifest:
    """Run the request; its output folder holds the results and ``manifest.json`` afterwards.

    The same request on the same instances gives the same bytes wherever the pipeline does.

    Parameters
    ----------
    progress : callable
        Takes the finished part, 0 to 1.
    cards : mapping, optional
        The cards to choose from; the shipped ones without it.

    Raises
    ------
    PipelineRefused
        The input is not what the pipeline is for.
    PipelineFailed
        The pipeline is broken, or what was written is not what was meant.
    """
    started = time.monotonic()
    known = load_cards() if cards is None else cards
    if request.pipeline not in known:
        raise PipelineFailed(f"no pipeline is called {request.pipeline}")
    card = known[request.pipeline]
    with warnings.catch_warnings():
        # They quote values of the header, and the log of a slot must hold none.
        warnings.filterwarnings("ignore", module=r"(pydicom|highdicom)\b")
        outcome = _run(request, card, progress)
        conformance = _judge(request, outcome)
    manifest = Manifest(
        pipeline=card.name,
        version=card.version,
        outputs=outcome.outputs,
        measurements=outcome.measurements,
        warnings=outcome.warnings,
        sources=outcome.sources,
        seconds=round(time.monotonic() - started, 3),
        conformance=conformance,
    )
    Path(request.output_folder, MANIFEST_NAME).write_text(manifest.to_json(), encoding="utf-8")
    progress(1.0)
    return manifest


@dataclass(frozen=True, slots=True)
class _Outcome:
    outputs: list[OutputFile]
    measurements: dict[str, Any]
    warnings: list[str]
    sources: int
    instances: dict[str, str]  # SOP class by SOP instance of the sources


def _run(request: RunRequest, card: ModelCard, progress: Callable[[float], None]) -> _Outcome:
    parameters = merge_parameters(card, request.parameters)
    sources, warned = read_sources(card, request.inputs)
    progress(READ_PART)
    instances = {
        str(image.SOPInstanceUID): str(image.SOPClassUID)
        for source in sources
        for image in source.instances
    }
    # Volumes of one object have its digest in common.
    digests = list(dict.fromkeys(digest for source in sources for digest in source.digests))
    origin = Origin(request, card, parameters, digests)
    outputs: list[OutputFile] = []
    measured: list[Any] = []
    segmented: list[tuple[Source, Segmented, list[OutputFile]]] = []
    clipped = 0
    folder = Path(request.output_folder)
    multi_frame = MultiFrameWriter(origin, folder)
    for index, source in enumerate(sources):

        def tell(part: float, index: int = index) -> None:
            whole = (index + part) / len(sources)
            progress(READ_PART + (PIPELINE_PART - READ_PART) * whole)

        context = RunContext(
            card,
            parameters,
            request.device,
            _network(card, request.device),
            tell,
            wants_uncertainty="pm" in request.objects,
        )
        result = check_result(card, source, resolve(card)(source, context))
        if isinstance(result, Enhanced):
            after = keep_protected(source, result.array)
            if isinstance(source, Volume) and source.frames:
                made = multi_frame.write(source, after)
            else:
                made = write_enhanced(source, after, origin, folder)
            for written, beyond in made:
                outputs.append(written)
                clipped += beyond
            outputs += write_beside_images(source, after, origin, folder)
            measured.append(measure_enhanced(source, after))
        else:
            segs = write_forms(source, result, origin, folder)
            segmented.append((source, result, segs))
            outputs += segs
            measured.append(measure_segments(source, result.labels, card.segments))
    if card.kind == "enhance":
        return _Outcome(
            outputs,
            merge_enhanced(measured) | {"clipped": clipped},
            warned,
            len(digests),
            instances,
        )
    warned += [] if outputs else [NOTHING_FOUND]
    outputs += _write_of_all(segmented, origin, folder)
    placed = isinstance(sources[0], Volume)
    segments = list_phases(measured) if placed else merge_segments(measured)
    return _Outcome(outputs, {"segments": segments}, warned, len(digests), instances)


def _write_of_all(
    segmented: list[tuple[Source, Segmented, list[OutputFile]]], origin: Origin, folder: Path
) -> list[OutputFile]:
    """What is written of a run's segmentations when all of them are there."""
    written = write_split(segmented, origin, folder)
    labelled = [
        Labelled(source, result.labels, segs, result.uncertainty)
        for source, result, segs in segmented
    ]
    written += write_beside_segmentations(labelled, origin, folder)
    if "sr" in origin.request.objects:
        written += write_reports(segmented, origin, folder)
    return written


def _judge(request: RunRequest, outcome: _Outcome) -> dict[str, Any]:
    """What the conformance gate says of the files as they lie on the disk."""
    folder = Path(request.output_folder)
    made = {output.sop_uid: output.sop_class_uid for output in outcome.outputs}
    written = [folder / output.file for output in outcome.outputs]
    return gate(written, request.inputs, outcome.instances | made).summary()


def read_sources(card: ModelCard, inputs: list[str]) -> tuple[list[Source], list[str]]:
    """The volumes, or every image by itself, within the card's limits; and what was left out.

    A series of radiographs or ultrasound holds images of many kinds: those that the pipeline is
    not for are left out with a warning, and only if none is left is the run refused.
    """
    if card.limits.input == "volume":
        volumes = read_volumes(inputs)
        for volume in volumes:
            check(card, volume)
        return list(volumes), []
    sources: list[Source] = []
    refusals: list[PipelineRefused] = []
    for path in inputs:
        try:
            frames = read_frames(path)
            check(card, frames)
            sources.append(frames)
        except PipelineRefused as refusal:
            refusals.append(refusal)
    if not sources:
        raise refusals[0] if refusals else PipelineRefused("no-instances", "The series is empty.")
    reasons = sorted({refusal.reason for refusal in refusals})
    left_out = [f"{len(refusals)} of {len(inputs)} images left out: {' '.join(reasons)}"]
    return sources, left_out if refusals else []


def merge_parameters(card: ModelCard, given: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """The card's parameters overlaid with `given`, each in the type that the card gives it.

    Raises
    ------
    PipelineRefused
        ``unknown-parameter`` or ``bad-parameter``.
    """
    merged: dict[str, Parameter] = dict(card.parameters)
    for name, value in given.items():
        if name not in merged:
            raise PipelineRefused("unknown-parameter", f"{card.name} has no parameter {name}.")
        wanted = type(merged[name])
        whole = isinstance(value, int) and not isinstance(value, bool)
        if isinstance(value, wanted) and isinstance(value, bool) == (wanted is bool):
            merged[name] = value
        elif wanted is float and whole:
            merged[name] = float(value)
        else:
            raise PipelineRefused(
                "bad-parameter", f"Parameter {name} of {card.name} is a {wanted.__name__}."
            )
    return merged


def check_result(card: ModelCard, source: Source, result: Result) -> Result:
    """The pipeline's result, which keeps the contract, or PipelineFailed."""
    if isinstance(result, Enhanced) and card.kind == "enhance":
        if result.array.shape != source.array.shape or result.array.dtype != np.float32:
            raise PipelineFailed(f"{card.name} gave pixels of another shape or type")
        if not np.isfinite(result.array).all():
            raise PipelineFailed(f"{card.name} gave pixels that are no numbers")
        return result
    if isinstance(result, Segmented) and card.kind == "segment":
        if result.labels.shape != source.array.shape[:3] or result.labels.dtype != np.uint8:
            raise PipelineFailed(f"{card.name} gave labels of another shape or type")
        numbers = {segment.number for segment in card.segments}
        found = np.flatnonzero(numbers_shown(result.labels).any(axis=0))
        if not set(found.tolist()) <= numbers | {0}:
            raise PipelineFailed(f"{card.name} gave labels that its card does not name")
        if result.uncertainty is not None:
            _check_uncertainty(card, result, result.uncertainty)
        return result
    raise PipelineFailed(f"{card.name} gave another kind of result than its card says")


def _check_uncertainty(
    card: ModelCard, result: Segmented, uncertainty: NDArray[np.float32]
) -> None:
    if uncertainty.shape != result.labels.shape or uncertainty.dtype != np.float32:
        raise PipelineFailed(f"{card.name} gave an uncertainty of another shape or type")
    if not (uncertainty.min() >= 0 and uncertainty.max() <= 1):  # a NaN is neither
        raise PipelineFailed(f"{card.name} gave an uncertainty beyond 0 and 1")


def _network(card: ModelCard, device: str) -> Callable[[], Any]:
    def load() -> Any:  # noqa: ANN401 - a torch module, whose package is loaded on demand
        # Classical pipelines never wait for torch: 4 s and 280 MB.
        from pipelines.models.weights import load_network  # noqa: PLC0415 - see above

        return load_network(card, device)

    return load
