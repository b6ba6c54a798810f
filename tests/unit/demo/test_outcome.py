"""The demo fails where its result is not worth showing."""

from __future__ import annotations

from pathlib import Path

import pytest

from dicom_node.demo.images import DemoStudy
from dicom_node.demo.outcome import judge, problems, table
from storage.db.queries.progress import JobResult, ResultFile, SeriesResult

ENHANCED = {
    "noise_sd_before": 10.0,
    "noise_sd_after": 5.0,
    "mean_shift": 0.1,
    "edge_response": 0.98,
    "max_abs_change": 7.0,
    "unit": "HU",
}
SEGMENTED = {"segments": [{"label": "Lungs", "voxels": 8, "ml": 1.5}]}
STUDY = DemoStudy("CT chest", "somewhere", "CC0", (Path("a.dcm"),))


def a_job(measurements, **changes):
    fields = {
        "id": 1,
        "pipeline": "ct-denoise",
        "state": "succeeded",
        "reason": "",
        "started_at": None,
        "seconds": 2.0,
        "manifest": {"measurements": measurements},
        "files": (ResultFile("enhanced", "1.2.3", "1.2", "key"),),
        "deliveries": (("PACS", "sent"),),
    }
    return JobResult(**(fields | changes))


def rows_of(*jobs, held=frozenset({"1.2.3"})):
    series = SeriesResult("1", "routed", "1.1", "CT", ("a", "b"), jobs)
    return judge([series], {"1.1": STUDY}, lambda _series: set(held))


def test_a_real_result_that_the_pacs_holds_is_no_problem():
    rows = rows_of(a_job(ENHANCED), a_job(SEGMENTED, pipeline="ct-segment"))

    assert [] == problems(rows, own_images=True)
    assert "noise SD 10 -> 5 (-50 %), mean shift +0.1 HU, edge response 0.98" in table(rows)
    assert "Lungs 8 voxels = 1.5 mL" in table(rows)


def test_a_segmentation_comes_back_with_its_report():
    files = tuple(ResultFile(kind, f"1.2.{kind}", "1.2", "key") for kind in ("seg", "sr"))
    job = a_job(SEGMENTED, files=files)
    rows = rows_of(job, held={"1.2.seg", "1.2.sr"})

    assert [] == problems(rows, own_images=True)
    assert "1 seg, 1 sr" in table(rows)


@pytest.mark.parametrize(
    ("job", "problem"),
    [
        (a_job(ENHANCED | {"max_abs_change": 0.0}), "the enhanced image is the source image"),
        (a_job({"segments": []}), "an empty segmentation"),
        (a_job(SEGMENTED, files=()), "an empty segmentation"),
        (a_job(ENHANCED, state="failed", reason="broke"), "job failed"),
        (a_job(ENHANCED, deliveries=(("PACS", "queued"),)), "not delivered to PACS"),
        (a_job(ENHANCED, deliveries=()), "not delivered to any destination"),
    ],
)
def test_a_result_not_worth_showing_fails_the_demo(job, problem):
    assert f"CT chest, ct-denoise: {problem}" in problems(rows_of(job), own_images=True)


def test_an_instance_that_the_pacs_does_not_hold_fails_the_demo():
    rows = rows_of(a_job(ENHANCED), held=frozenset())

    (problem,) = [row.problem for row in rows]
    assert "1 of 1 instances are not in the PACS" == problem


def test_a_refusal_is_shown_with_its_reason_and_fails_only_the_demos_own_images():
    rows = rows_of(a_job({}, state="refused", reason="The gantry is tilted."))

    assert "The gantry is tilted." in table(rows)
    assert [] == problems(rows, own_images=False)
    assert ["CT chest: nothing came back"] == problems(rows, own_images=True)


def test_a_series_that_no_rule_wants_is_told():
    rows = rows_of()

    assert "no rule matched" in table(rows)
