"""kill -9 of the whole process tree at five named points, ten times each, at different calls.

With the shipped pipelines. After each death the node is started again on what it left; at the end
the PACS holds what an undisturbed node would have given it, and the audit trail verifies.
"""

from __future__ import annotations

import pytest

from dicom_node.routing.rule import SHIPPED_RULES
from tests.jobs import injected_environment
from tests.killing import POINTS, SLICES, Round, disturbed, undisturbed

pytestmark = [
    pytest.mark.orthanc,
    pytest.mark.timeout(3600),
    # pynetdicom drops the socket of a refused connection without closing it.
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]
TIMES = 10
RULES = f'[rules]\nfolder = "{SHIPPED_RULES}"\n'
# How many calls one study makes at a point: an instance received, a job decided, a pipeline's
# result, a file published (six enhanced, one segmentation with its report), a file sent.
MOST_CALLS = {
    "receiving": SLICES,
    "settling": 2,
    "in the pipeline": 2,
    "publishing": SLICES,
    "sending": SLICES,
}


def test_killed_ten_times_at_each_point_nothing_is_lost_and_nothing_comes_twice(tmp_path):
    rounds = [
        Round(number, point, 1 + number // len(POINTS) % MOST_CALLS[point])
        for number, point in enumerate(POINTS * TIMES)
    ]

    calm = undisturbed(tmp_path / "calm", rounds, injected_environment(), RULES)

    held = disturbed(tmp_path / "killed", rounds, injected_environment(), RULES)
    assert all(calm.values())
    assert calm == held
