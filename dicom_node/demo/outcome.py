"""What came back for every series, as a table, and whether it is worth showing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dicom_node.demo.images import DemoStudy
    from storage.db.queries.progress import JobResult, SeriesResult

Held = Callable[[tuple[str, str]], set[str]]


@dataclass(frozen=True, slots=True)
class Row:
    """One job on one series, as the demo tells it."""

    title: str
    modality: str
    images: int
    pipeline: str
    came_back: str
    seconds: float
    figures: str
    problem: str = ""
    refused: bool = False
    source: str = ""
    licence: str = ""
    note: str = ""
    job_id: int = 0


def judge(results: Sequence[SeriesResult], titles: dict[str, DemoStudy], held: Held) -> list[Row]:
    """A row for every job; `held` tells which instances of a series the PACS holds."""
    rows = []
    for series in results:
        study = titles.get(series.series_uid)
        if study is None:
            continue  # results that the PACS sent back, or another sender's
        about: dict[str, Any] = {
            "title": study.title,
            "modality": series.modality,
            "images": len(series.file_keys),
            "source": study.source,
            "licence": study.licence,
            "note": study.note,
        }
        if not series.jobs:
            rows.append(Row(**about, pipeline="-", came_back="no rule matched", seconds=0.0,
                            figures="", refused=True))  # fmt: skip
        rows += [_row(about, series, job, held) for job in series.jobs]
    return rows


def _row(about: dict[str, Any], series: SeriesResult, job: JobResult, held: Held) -> Row:
    told = {**about, "pipeline": job.pipeline, "seconds": job.seconds, "job_id": job.id}
    if job.state == "refused":
        return Row(**told, came_back="refused", figures=job.reason, refused=True)
    if job.state != "succeeded":
        return Row(**told, came_back=job.state, figures=job.reason, problem=f"job {job.state}")
    measured = job.manifest.get("measurements", {})
    segments = measured.get("segments")
    figures = _segment_figures(segments) if segments is not None else _enhanced_figures(measured)
    return Row(
        **told,
        came_back=_came_back(job),
        figures=figures,
        problem=_problem(series, job, measured, held),
    )


def _came_back(job: JobResult) -> str:
    kinds = sorted({file.kind for file in job.files})
    return ", ".join(
        f"{sum(file.kind == kind for file in job.files)} {kind}" for kind in kinds
    ) or "nothing found"  # fmt: skip


def _enhanced_figures(measured: dict[str, Any]) -> str:
    before, after = measured["noise_sd_before"], measured["noise_sd_after"]
    told = []
    if before and after is not None:
        told.append(f"noise SD {before:.3g} -> {after:.3g} ({100 * (after / before - 1):+.0f} %)")
    if measured["mean_shift"] is not None:
        told.append(f"mean shift {measured['mean_shift']:+.2g} {measured.get('unit', '')}".rstrip())
    if measured["edge_response"] is not None:
        told.append(f"edge response {measured['edge_response']:.2f}")
    return ", ".join(told) or "not measurable"


def _segment_figures(segments: Sequence[dict[str, Any]]) -> str:
    return ", ".join(
        f"{segment['label']} {segment['voxels']} voxels"
        + (f" = {segment['ml']:.1f} mL" if segment.get("ml") is not None else "")
        for segment in segments
    )


def _problem(series: SeriesResult, job: JobResult, measured: dict[str, Any], held: Held) -> str:
    if not job.files:
        return "an empty segmentation"
    if "segments" not in measured and not measured.get("max_abs_change"):
        return "the enhanced image is the source image"
    if "segments" in measured and not sum(s["voxels"] for s in measured["segments"]):
        return "an empty segmentation"
    undelivered = [name for name, state in job.deliveries if state not in {"sent", "committed"}]
    if undelivered or not job.deliveries:
        return f"not delivered to {', '.join(undelivered) or 'any destination'}"
    for result in {file.series_uid for file in job.files}:
        ours = {file.sop_uid for file in job.files if file.series_uid == result}
        missing = ours - held((series.study_uid, result))
        if missing:
            return f"{len(missing)} of {len(ours)} instances are not in the PACS"
    return ""


def table(rows: Sequence[Row]) -> str:
    """The rows as text, one block a series."""
    lines = []
    shown: tuple[str, str, int] | None = None
    for row in rows:
        series = (row.title, row.modality, row.images)
        if series != shown:
            shown = series
            lines.append(f"\n{row.title}: {row.images} {row.modality} images, {row.source}")
            if row.note:
                lines.append(f"  ({row.note})")
        lines.append(f"  {row.pipeline:14} {row.came_back:18} {row.seconds:6.1f} s  {row.figures}")
    return "\n".join([*lines, ""])


def problems(rows: Sequence[Row], *, own_images: bool) -> list[str]:
    """What keeps the demo from being a success, one line each.

    With the demo's own images every study must have at least one result; a user's study may well
    be refused, with the reason shown.
    """
    found = [f"{row.title}, {row.pipeline}: {row.problem}" for row in rows if row.problem]
    if own_images:
        titles = {row.title for row in rows}
        answered = {row.title for row in rows if not row.refused and not row.problem}
        found += [f"{title}: nothing came back" for title in sorted(titles - answered)]
    return found if rows else ["no series was received"]
