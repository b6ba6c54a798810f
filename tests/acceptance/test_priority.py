"""Two studies at once, and a STAT one that overtakes."""

from __future__ import annotations

import numpy as np
import pytest

from tests.acceptance.road import PROCESSED_WITHIN_S, a_node, a_pacs, settings_toml
from tests.builders import a_series, write_series
from tests.receiving import wait_until

pytestmark = [pytest.mark.orthanc, pytest.mark.dcmtk, pytest.mark.timeout(900)]

STAT_PEER = """
[peers.EMERGENCY]
ae_title = "EMERGENCY"
priority = "stat"
settle_after_s = 0.5
"""


def test_a_stat_study_overtakes_what_waits(tmp_path):
    noise = np.random.default_rng(0)
    routine = [
        a_series("CT", key=f"r{n}", pixels=noise.integers(900, 1100, (8, 256, 256), np.int16))
        for n in range(6)
    ]
    urgent = a_series("CT", key="s", pixels=noise.integers(900, 1100, (8, 256, 256), np.int16))
    for number, images in enumerate(routine):
        write_series(tmp_path / "routine" / str(number), images)
    write_series(tmp_path / "stat", urgent)

    toml_more = STAT_PEER
    with (
        a_pacs(tmp_path / "pacs") as pacs,
        a_node(tmp_path, settings_toml(tmp_path, pacs, more=toml_more)) as node,
    ):
        node.storescu(tmp_path / "routine")
        wait_until(lambda: sum(len(s.jobs) for s in node.results()) >= 12, 120)
        node.storescu(tmp_path / "stat", "-aet", "EMERGENCY")
        node.wait_until_quiet(instances=56, within_s=PROCESSED_WITHIN_S)
        results = node.results()

    jobs = [job for series in results for job in series.jobs]
    stat_study = str(urgent[0].StudyInstanceUID)
    stat = {job.id for series in results if series.study_uid == stat_study for job in series.jobs}
    starts = sorted(jobs, key=lambda job: job.started_at)
    order = [job.id for job in starts]
    first_stat = min(order.index(job) for job in stat)
    overtaken = [job for job in order[first_stat:] if job not in stat and job < min(stat)]
    assert 2 == len(stat)
    assert overtaken, f"no routine job was overtaken: {order}"
    # Only what ran already may stand before it: once the STAT jobs begin, they run back to back.
    assert order[first_stat : first_stat + 2] == sorted(stat)
