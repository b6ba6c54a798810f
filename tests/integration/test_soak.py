"""Ten deaths of `make soak`, with the same code: what was acknowledged outlives a kill -9."""

from __future__ import annotations

import secrets
import sys

import pytest

from tests.soak.campaign import Campaign
from tests.soak.report import histogram

pytestmark = [
    pytest.mark.dcmtk,
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform != "linux", reason="looks at processes by Linux's own means"),
    # pynetdicom drops the socket of a refused connection without closing it.
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]
KILLS = 10


def test_what_was_acknowledged_outlives_ten_kills(tmp_path):
    seed = secrets.randbits(32)
    print(f"seed {seed}", flush=True)  # again: python -m tests.soak --kills 10 --seed ...

    report = Campaign(tmp_path, seed).run(KILLS)

    print(histogram(report))
    assert KILLS == report.deaths
    assert report.acknowledged > 0
    assert report.unanswered > 0
