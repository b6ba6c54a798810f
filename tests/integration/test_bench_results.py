"""The benchmark of result objects with a tiny series: that it writes, checks and tells."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest

from benchmarks import writing
from benchmarks.errors import BenchmarkFailed
from benchmarks.phantom import SEGMENTS, outlines, write_source
from benchmarks.results import measure

ROOT = Path(__file__).parents[2]
SMALL = ["--slices", "24", "--side", "64", "--repetitions", "2"]


def test_the_last_line_is_the_result_and_nothing_is_left(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.results", *SMALL, "--folder", str(tmp_path / "work")],
        check=False, cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip

    assert 0 == done.returncode, done.stderr
    lines = done.stdout.splitlines()
    result = json.loads(lines[-1])
    assert ["write_and_gate_s", "report_s", "peak_mb"] == list(result)
    assert 0 < result["report_s"] < result["write_and_gate_s"]
    assert 0 < result["write_and_gate_s"] < 60 and 50 < result["peak_mb"] < 1000
    stages = {line[:20].strip() for line in lines[1:-5]}
    assert {
        "read sources", "decode sources", "enhanced build", "enhanced write", "SEG build",
        "SEG write", "read-back check", "report", "gate",
    } < stages  # fmt: skip
    assert [] == list((tmp_path / "work").iterdir())


def test_what_it_writes_is_what_the_node_writes(tmp_path, monkeypatch, capsys):
    labels = outlines(24, 64)
    write_source(tmp_path / "source", labels)
    results = tmp_path / "results"
    results.mkdir()
    for name in ("decode", "write"):  # what the stopwatch replaces is put back after the test
        monkeypatch.setattr(writing.enhanced, name, getattr(writing.enhanced, name))
    for name in ("write", "check_segmentation"):
        monkeypatch.setattr(writing.seg, name, getattr(writing.seg, name))
    monkeypatch.setattr(sys, "argv", ["writing", str(tmp_path / "source"), str(results)])

    writing.main()

    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    made = [pydicom.dcmread(path) for path in results.iterdir()]
    assert ["CT"] * 24 + ["SEG", "SR"] == sorted(one.Modality for one in made)
    assert 26 == told["files"]
    (seg,) = (one for one in made if one.Modality == "SEG")
    assert SEGMENTS == len(seg.SegmentSequence)


def test_what_the_gate_finds_fails_the_benchmark(tmp_path, monkeypatch):
    write_source(tmp_path / "source", outlines(24, 64))
    results = tmp_path / "results"
    results.mkdir()
    for name in ("decode", "write"):
        monkeypatch.setattr(writing.enhanced, name, getattr(writing.enhanced, name))
    for name in ("write", "check_segmentation"):
        monkeypatch.setattr(writing.seg, name, getattr(writing.seg, name))
    derive = writing.enhanced.derive

    def without_modality(*arguments):
        derived = derive(*arguments)
        del derived.Modality
        return derived

    monkeypatch.setattr(writing.enhanced, "derive", without_modality)
    monkeypatch.setattr(sys, "argv", ["writing", str(tmp_path / "source"), str(results)])

    with pytest.raises(SystemExit, match="the gate found: Modality is absent"):
        writing.main()


def test_the_organs_are_all_there_and_the_same_each_time():
    labels = outlines(60, 128)

    assert list(range(SEGMENTS + 1)) == np.unique(labels).tolist()
    assert np.array_equal(labels, outlines(60, 128))
    slices = [(labels == number).any(axis=(1, 2)).sum() for number in range(1, SEGMENTS + 1)]
    assert 0.15 < np.mean(slices) / 60 < 0.5


def test_a_writing_process_that_fails_fails_the_benchmark(tmp_path):
    (tmp_path / "source").mkdir()

    with pytest.raises(BenchmarkFailed, match="the writing process failed"):
        measure(tmp_path, 1)
