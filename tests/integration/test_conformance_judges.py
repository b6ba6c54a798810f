"""The conformance gate beside dciodvfy and dicom-validator: good objects and planted faults."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from pipelines.conformance import check, read_header
from tests.conforming import KINDS, an_object
from tests.faults import FAULTS, plant
from tests.judges.dicom3tools import errors_of
from tests.judges.dicom_validator import violations

DOCUMENTS = {"SR", "KO"}  # dicom-validator takes every value type's attributes for required
# What dicom-validator gets wrong: value 2 of Series Type and Image Type by the terms of value 1,
# the DS 1.0 for another number than 1.
MISTAKEN = {"SeriesType", "ImageType", "RescaleSlope", "RescaleIntercept"}


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The good file of a kind, made once."""

    @cache
    def make(kind: str) -> Path:
        return an_object(kind, tmp_path_factory.mktemp(kind.replace(" ", "-")))

    return make


def validated(path: Path, kind: str) -> set[str]:
    """dicom-validator's verdict, without what it is known to mistake."""
    if kind in DOCUMENTS:
        return set()
    return {
        told for told in violations(path)
        if not ("EnumValueNotAllowed" in told and told.split(".")[-1].split()[-1] in MISTAKEN)
    }  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_gate_and_judges_find_nothing_in_a_good_object(good, kind):
    path = good(kind)

    assert [] == [str(found) for found in check(read_header(path)).findings]
    assert set() == errors_of(path)
    assert set() == {
        # PS3.3 C.12.2 says not that a listed instance may name no frame, dicom-validator does.
        told for told in validated(path, kind) if "ReferencedFrameNumber" not in told
    }  # fmt: skip


@pytest.mark.parametrize("name", ["eCT_Supplemental.dcm", "liver.dcm"])
def test_the_gate_finds_nothing_in_good_objects_of_other_makers(name):
    path = get_testdata_file(name, download=False)

    assert [] == [str(found) for found in check(read_header(path)).findings]


def test_the_gate_misses_in_a_poor_enhanced_mr_what_dciodvfy_misses():
    path = Path(get_testdata_file("emri_small.dcm", download=False))

    found = {each.where for each in check(read_header(path)).errors}
    missed = {told for told in errors_of(path) if "attribute" in told}

    assert {told.split("<")[1].split("(")[0] for told in missed} == found


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_the_gate_finds_a_planted_fault_and_the_judges_as_the_table_says(good, fault, tmp_path):
    whole = good(fault.kind)
    broken = plant(fault, whole, tmp_path)

    found = check(read_header(broken)).errors
    seen = "d" * bool(errors_of(broken) - errors_of(whole))
    seen += "v" * bool(_violations(broken) - _violations(whole))

    assert any(each.where == fault.where and fault.says in each.what for each in found), [*found]
    assert fault.seen_by == seen


def _violations(path: Path) -> set[str]:
    try:
        return violations(path)
    except ValueError:  # pydicom on the way to the judge: it has not judged
        return set()


def test_the_table_shows_what_no_single_judge_sees():
    """The gate is worth its place: each judge is silent on some faults that it finds."""
    alone = {fault.name for fault in FAULTS if not fault.seen_by}

    assert len(FAULTS) >= 25
    assert {"dangling reference", "reference to the wrong class"} <= alone
    assert {"d", "dv", "v"} <= {fault.seen_by for fault in FAULTS}
    for fault in FAULTS:
        print(f"{fault.name:32} {fault.kind:16} gate {fault.seen_by}")
