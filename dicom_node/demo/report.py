"""The demo's report: one HTML file, its pictures inside, drawn from the delivered objects."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, select_autoescape

from dicom_node.preview import pictures
from dicom_node.preview.segmentation import PreviewSegmentation, read_segmentation
from dicom_node.preview.series import PreviewSeries, PreviewUnavailable, read_series

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from PIL.Image import Image

    from dicom_node.demo.outcome import Row
    from storage.db.queries.progress import JobResult, SeriesResult
    from storage.files.local import LocalStore

LONGEST_SIDE = 640


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture with its caption; the PNG is base64."""

    caption: str
    png: str


@dataclass(slots=True)
class Section:
    """The pictures of one series."""

    title: str
    source: str
    licence: str
    note: str
    pictures: list[Picture] = field(default_factory=list)
    legend: list[tuple[str, str]] = field(default_factory=list)


def write_report(
    path: Path, rows: Sequence[Row], results: Sequence[SeriesResult], store: LocalStore
) -> Path:
    """Write the report to `path` and give it back."""
    by_job = {row.job_id: row for row in rows if row.job_id}
    sections = [
        section
        for series in results
        if (section := _section(series, by_job, store)) and section.pictures
    ]
    loader = PackageLoader("dicom_node.demo")
    page = Environment(loader=loader, autoescape=select_autoescape()).get_template("report.html")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page.render(rows=rows, sections=sections), encoding="utf-8")
    return path


def _section(series: SeriesResult, by_job: dict[int, Row], store: LocalStore) -> Section | None:
    told = [job for job in series.jobs if job.id in by_job and job.files]
    if not told:
        return None
    row = by_job[told[0].id]
    section = Section(row.title, row.source, row.licence, row.note)
    try:
        before = read_series([store.path(key) for key in series.file_keys])
        for job in told:
            _draw(section, before, job, store)
    except PreviewUnavailable as error:
        section.note = f"{section.note} {error}".strip()
    return section


def _draw(section: Section, before: PreviewSeries, job: JobResult, store: LocalStore) -> None:
    segmentations = [store.path(file.file_key) for file in job.files if file.kind == "seg"]
    if segmentations:
        _draw_segmentation(section, before, read_segmentation(segmentations, before), job)
    enhanced = [store.path(file.file_key) for file in job.files if file.kind == "enhanced"]
    if not enhanced:
        return  # a report of measurements has no picture
    after = read_series(enhanced)
    middle = pictures.depth(before) // 2
    change, scale = pictures.difference(before, after, middle)
    section.pictures += [
        _picture("source", pictures.source(before, middle)),
        _picture(f"difference, white = +{scale:.3g}", change),
        _picture(f"enhanced by {job.pipeline}", pictures.source(after, middle)),
    ]


def _draw_segmentation(
    section: Section, before: PreviewSeries, seg: PreviewSegmentation, job: JobResult
) -> None:
    section.legend = [
        (segment.label, "rgb({}, {}, {})".format(*segment.colour)) for segment in seg.segments
    ]
    planes = pictures.PLANES if before.affine is not None and len(before.array) > 1 else ("axial",)
    for plane in planes:
        name = plane if len(planes) > 1 else "overlay"
        drawn = pictures.overlay(before, seg, pictures.best_index(seg, plane), plane)
        section.pictures.append(_picture(f"{job.pipeline}, {name}", drawn))


def _picture(caption: str, image: Image) -> Picture:
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return Picture(caption, base64.b64encode(buffer.getvalue()).decode("ascii"))
