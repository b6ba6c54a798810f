"""The objects of a run, judged as they lie on the disk, against what their sources are."""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import TYPE_CHECKING

from pydicom.errors import InvalidDicomError

from pipelines.conformance.check import check
from pipelines.conformance.read import read_header
from pipelines.conformance.report import Finding, Report

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_UNREADABLE = (
    InvalidDicomError, AttributeError, EOFError, LookupError, NotImplementedError, OSError,
    TypeError, ValueError, struct.error,
)  # fmt: skip


def gate(
    written: Iterable[Path], sources: Iterable[Path | str], instances: Mapping[str, str]
) -> Report:
    """What is wrong with the files of a run that is not as wrong with its sources (ENH-29).

    Sources are read again only as far as they have to be: results without findings need none.

    Parameters
    ----------
    instances : mapping of str to str
        SOP Class UID by SOP Instance UID of the sources and of the results.
    """
    findings: dict[tuple[str, str], Finding] = {}
    objects = 0
    for path in written:
        objects += 1
        for found in check(read_header(path), instances).findings:
            findings.setdefault((found.where, found.what), found)
    report = Report(tuple(findings.values()), objects)
    for source in sources:
        if not report.findings:
            break
        with suppress(*_UNREADABLE):  # left out by the run, too
            report = report.without(check(read_header(source), instances).keys)
    return report
