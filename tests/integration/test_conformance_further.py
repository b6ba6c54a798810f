"""docs/conformance.md is true of captures, key objects, states, maps and structure sets."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pydicom
import pytest
from pydicom import Dataset

from pipelines.dicom_out.pm_difference import (
    ANY_SIGNAL,
    BY_UNITS,
    HOUNSFIELD,
    MR_SIGNAL,
    SUBTRACTION,
)
from pipelines.dicom_out.pm_uncertainty import UNCERTAINTY
from pipelines.dicom_out.regions import SOMEWHERE
from pipelines.manifest import OutputFile
from tests.builders import a_series
from tests.integration.test_conformance_content import codes_in
from tests.integration.test_conformance_objects import INSTALLED, keywords
from tests.multi_frame import two_phases
from tests.statement import table
from tests.unit.pipelines.stand_ins import a_card, frames_card, run_card
from tests.unit.pipelines.ultrasound import a_grey_loop

TABLES = {"sc": "A-13", "ko": "A-14", "gsps": "A-15", "pm": "A-16", "rtstruct": "A-17"}
WANTED = ["enhanced", "seg", "sr", *TABLES]
PRIVATE = {"value": "X", "scheme": "99DICOMNODE", "meaning": "Something"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The objects of a kind, of every source that gives them another look."""

    @cache
    def of_kind(kind: str) -> tuple[Dataset, ...]:
        return tuple(
            pydicom.dcmread(folder / output.file)
            for folder, outputs in all_runs() for output in outputs if output.kind == kind
        )  # fmt: skip

    @cache
    def all_runs() -> tuple[tuple[Path, list[OutputFile]], ...]:
        return tuple(runs(tmp_path_factory.mktemp("objects")))

    return of_kind


def runs(folder: Path) -> Iterator[tuple[Path, list[OutputFile]]]:
    lossy = {
        "LossyImageCompression": "01",
        "LossyImageCompressionRatio": "10",
        "LossyImageCompressionMethod": "ISO_15444_1",
    }
    split = {"low": -24.0, "high": 10.0}
    coded = a_card("above").segments[0].model_dump() | {"type": PRIVATE}
    low = {"low": 100.0, "high": 1e9}
    cases = [
        (a_card("above", parameters=split), a_series(BodyPartExamined="CHEST")),
        (a_card("above", parameters=split, segments=[coded, *a_card("above").segments[1:]]),
         a_series(**lossy)),
        (a_card("add"), a_series(**lossy)),
        (a_card("doubtful", parameters=split), a_series(**lossy)),
        (a_card("doubtful", parameters=split), [two_phases("CT")]),
        (a_card("add"), [two_phases("CT")]),
        (frames_card("above", parameters=low), a_series("CR", slices=1, Laterality="L")),
        (frames_card("above", parameters=low), [a_grey_loop(frames=2)]),
    ]  # fmt: skip
    for number, (card, images) in enumerate(cases):
        manifest, results = run_card(
            card, images, folder / str(number), objects=WANTED, equipment=INSTALLED
        )
        yield results, manifest.outputs


@pytest.mark.parametrize("kind", TABLES)
def test_an_object_has_the_attributes_that_are_said(made, kind):
    seen: set[str] = set()
    for each in made(kind):
        present = {element.keyword for element in each}
        assert set() == keywords(TABLES[kind], "ALWAYS") - present
        seen |= present - keywords("A-7")

    assert keywords(TABLES[kind]) == seen


def test_the_codes_are_those_that_are_said(made):
    said = {(row["Code"], row["Scheme"], row["Meaning"]) for number in ("E-2", "E-3")
            for row in table(number)}  # fmt: skip
    used = {code for kind in TABLES for each in made(kind) for code in codes_in(each)}
    ours = {code for code in used if code[1] != "SCT" and code[1] != PRIVATE["scheme"]}

    assert set() == ours - said
    assert ("246205007", "SCT", "Quantity") in used & said
    quantities = [HOUNSFIELD, MR_SIGNAL, ANY_SIGNAL, *BY_UNITS.values(), UNCERTAINTY]
    codes = [code for each in quantities for code in each] + [SUBTRACTION]
    possible = {(code.value, code.scheme_designator, code.meaning) for code in codes}
    possible.add((SOMEWHERE.value, SOMEWHERE.scheme, SOMEWHERE.meaning))
    assert set() == possible - said
    assert {(row["Code"], row["Scheme"], row["Meaning"]) for row in table("E-3")} == (
        (possible | used & said) - shared()
    )


def shared() -> set[tuple[str, str, str]]:
    return {(row["Code"], row["Scheme"], row["Meaning"]) for row in table("E-2")}
