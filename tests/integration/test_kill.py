"""One quick round of `tests/acceptance/test_kill9.py`, with stub pipelines."""

from __future__ import annotations

import pytest

from tests.jobs import stub_environment
from tests.killing import POINTS, Round, disturbed, undisturbed

pytestmark = [
    pytest.mark.orthanc,
    # pynetdicom drops the socket of a refused connection without closing it.
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]
CALLS = {"receiving": 4, "settling": 1, "in the pipeline": 2, "publishing": 3, "sending": 3}


def test_killed_at_five_points_each_result_is_delivered_once_as_if_undisturbed(tmp_path):
    rounds = [Round(number, point, CALLS[point]) for number, point in enumerate(POINTS)]

    calm = undisturbed(tmp_path / "calm", rounds, stub_environment(), "")

    assert calm == disturbed(tmp_path / "killed", rounds, stub_environment(), "")
