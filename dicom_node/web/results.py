"""The results of a study as its page shows them: one for each job that made something."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dicom_node.web.timeline import name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from storage.db.queries.study_view import StudyView
    from storage.db.queries.work_lists import JobRow


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value with its name and unit."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Result:
    """What one job made of one series. Patient data.

    Attributes
    ----------
    objects : dict of str to int
        How many objects of each kind it made.
    conformance : tuple of str
        What the gate found: attribute and fault, errors first; no value of the objects.
    older : bool
        A newer job of the same pipeline on the same series has made another result.
    """

    job: JobRow
    title: str
    series_name: str
    objects: dict[str, int]
    figures: tuple[Figure, ...]
    segments: tuple[dict[str, Any], ...]
    warnings: tuple[str, ...]
    conformance: tuple[str, ...]
    older: bool


def results_of(found: StudyView, title_of: Callable[[str], str]) -> list[Result]:
    """The results in the order of their jobs; those that a newer job replaces come last."""
    names = {row.id: name_of(row) for row in found.series}
    seen: set[tuple[int, str]] = set()
    results = []
    for job in reversed(found.jobs):
        manifest = found.manifests.get(job.id)
        if job.state != "succeeded" or not manifest:
            continue
        key = (job.series_id, job.pipeline)
        told = (job, title_of(job.pipeline), names[job.series_id], manifest)
        results.append(_result(*told, older=key in seen))
        seen.add(key)
    return sorted(results, key=lambda result: (result.older, result.job.id))


def _result(
    job: JobRow, title: str, series_name: str, manifest: Mapping[str, Any], *, older: bool
) -> Result:
    objects: dict[str, int] = {}
    for made in manifest.get("outputs", ()):
        objects[made["kind"]] = objects.get(made["kind"], 0) + 1
    measured = manifest.get("measurements", {})
    return Result(
        job=job,
        title=title,
        series_name=series_name,
        objects=objects,
        figures=_figures(measured),
        segments=tuple(measured.get("segments") or ()),
        warnings=tuple(manifest.get("warnings", ())),
        conformance=_conformance(manifest.get("conformance", {})),
        older=older,
    )


def _conformance(found: Mapping[str, Any]) -> tuple[str, ...]:
    """The findings as lines, and how many more there are."""
    lines = (
        [f"{each['severity']}: {each['where']} {each['what']}" for each in found["findings"]]
        if (found.get("findings"))
        else []
    )
    more = found.get("errors", 0) + found.get("warnings", 0) - len(lines)
    return (*lines, *([f"and {more:,} more"] if more > 0 else []))


def _figures(measured: Mapping[str, Any]) -> tuple[Figure, ...]:
    """What the enhancement measured, told as a person asks for it."""
    before, after = measured.get("noise_sd_before"), measured.get("noise_sd_after")
    unit = measured.get("unit") or ""
    told = []
    if before is not None and after is not None:
        told.append(Figure("Noise before", f"{before:.3g} {unit}".strip()))
        change = f" ({after / before - 1:+.0%})" if before else ""
        told.append(Figure("Noise after", f"{after:.3g} {unit}".strip() + change))
    if (shift := measured.get("mean_shift")) is not None:
        told.append(Figure("Mean shift", f"{shift:+.2g} {unit}".strip()))
    if (edge := measured.get("edge_response")) is not None:
        told.append(Figure("Edges kept", f"{edge:.0%}"))
    if (most := measured.get("max_abs_change")) is not None:
        told.append(Figure("Largest change", f"{most:.3g} {unit}".strip()))
    return tuple(told)
