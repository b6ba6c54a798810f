"""`make fuzz` for a few seconds: its parts run, find nothing, and say what they saw."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(280)
def test_a_short_run_finds_nothing(tmp_path):
    short = ["--data-sets", "400", "--pdus", "2000", "--messages", "60", "--guided", "0"]
    short += ["--seed", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", *short, "--seconds", "60", "--folder", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=270,
        check=False,
    )
    print(done.stdout, done.stderr)
    assert 0 == done.returncode
    assert "crashes, hangs, leaks: 0, 0, 0" in done.stdout
    share = re.search(r"([\d.]+) %  intake.nested", done.stdout)
    assert share
    assert float(share[1]) > 90
