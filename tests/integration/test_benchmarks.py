"""The benchmarks on the real programs, with few images: that they measure, and what they notice."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.echo import echoes
from benchmarks.echo_under_attack import attacking
from benchmarks.errors import BenchmarkFailed
from benchmarks.load import make_load
from benchmarks.ratios import TARGETS
from benchmarks.receivers import Storescp
from benchmarks.run import Cell, measure
from benchmarks.senders import send
from dicom_node.demo.pacs import free_port
from tests.receiving import a_receiver
from tests.tools import program

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.dcmtk


@pytest.fixture(autouse=True)
def dcmtk():
    program("storescp", package="dcmtk")


@pytest.mark.orthanc
def test_all_three_receivers_are_measured_and_the_last_line_is_the_result(tmp_path):
    program("Orthanc", package="orthanc")
    few = "--images 16 --associations 4 --modes nodelay --skip-large --skip-1gb --repetitions 1"
    out = tmp_path / "runs.json"

    done = subprocess.run(
        [
            sys.executable, "-m", "benchmarks.receive", *few.split(), "--quiet-s", "0",
            "--folder", str(tmp_path / "work"), "--out", str(out),
        ],
        check=False, cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip

    assert 0 == done.returncode, done.stderr
    lines = done.stdout.splitlines()
    result = json.loads(lines[-1])
    assert [target.key for target in TARGETS] == list(result)
    assert {key for key, figure in result.items() if figure} == {
        "nodelay_n4_vs_orthanc",
        "nodelay_n4_vs_storescp",
    }
    assert [target.key for target in TARGETS] == [line.split()[0] for line in lines[-10:-1]]
    runs = json.loads(out.read_text())
    assert ["Orthanc", "node", "storescp"] == sorted(run["receiver"] for run in runs)
    assert all(run["images"] == 16 and run["seconds"] > 0 and run["cpu_ms"] > 0 for run in runs)
    assert [True] == [run["peak_mb"] > 10 for run in runs if run["receiver"] == "node"]
    assert [] == list((tmp_path / "work").iterdir())


class Forgetful(Storescp):
    """A receiver that has lost an instance when it is asked for what it kept."""

    def kept(self) -> list[Path]:
        return super().kept()[1:]


def test_a_receiver_that_loses_an_instance_fails_the_benchmark(tmp_path):
    load = make_load(tmp_path / "load", "CT", slices=16, shrink=1)
    receiver = Forgetful(tmp_path / "receiver", "nodelay")

    with pytest.raises(BenchmarkFailed, match="kept 15 instances of 16"):
        measure(receiver, load, Cell("nodelay", "CT", 1), 0, quiet_s=0)


def test_a_sender_that_fails_fails_the_benchmark(tmp_path):
    parts = make_load(tmp_path / "load", "DX", slices=0, shrink=4096).parts(4)

    with pytest.raises(BenchmarkFailed, match="4 of 4 senders failed"):
        send(parts, free_port(), "nodelay")


def test_a_node_is_echoed_while_it_is_attacked(tmp_path):
    settings = tmp_path / "node.toml"
    settings.write_text(
        f"[node]\ndata_folder = {json.dumps(str(tmp_path / 'data'))}\n"
        "[receive]\nport = 0\ndisk_reserve_mb = 0\n"
    )
    (tmp_path / "data").mkdir(mode=0o700)
    opened: dict[str, int] = {}

    with a_receiver(settings) as receiver:
        names = ("idle", "slow", "garbage")
        with attacking(names, receiver.port, receiver.port, opened):
            times = echoes(receiver.port, 5)

    assert all(0 < seconds < 10 for seconds in times)
    assert all(opened[name] >= 1 for name in names)
