"""An Enhanced MR of 8,000 frames goes through, whole, in the memory of a usual series."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest

from tests.builders import a_series, write_series
from tests.multi_frame import an_enhanced, stored

FRAMES, PHASES, SIDE = 8000, 20, 64
PEAK_MB = 900  # 623 measured; the pixels alone are 66 as stored and 131 as float32
_RUN = """
import sys
from pathlib import Path
from tests.unit.pipelines.stand_ins import a_card, run_card

manifest, results = run_card(a_card("add"), [Path(sys.argv[1])], Path(sys.argv[2]))
(output,) = manifest.outputs
(peak,) = [line for line in Path("/proc/self/status").open() if line.startswith("VmHWM")]
print(manifest.conformance["errors"], int(peak.split()[1]) // 1024, results / output.file)
"""


def in_time(groups: pydicom.Dataset, index: int) -> None:
    """Twenty images of a place, one after the other."""
    content = groups.FrameContentSequence[0]
    content.TemporalPositionIndex = index % PHASES + 1
    content.InStackPositionNumber = index // PHASES + 1
    content.DimensionIndexValues = [1, index // PHASES + 1]
    groups.PlanePositionSequence[0].ImagePositionPatient = [0, 0, float(index // PHASES)]


@pytest.mark.timeout(900)
def test_8000_frames_come_back_in_bounded_memory(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 4000, (FRAMES, SIDE, SIDE)).astype(np.int16)
    whole = an_enhanced(images=a_series("MR", pixels=pixels), each=in_time)
    (path,) = write_series(tmp_path / "source", [whole])

    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _RUN, path, tmp_path],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    errors, peak, result = done.stdout.split()

    assert "0" == errors
    assert int(peak) < PEAK_MB
    made = pydicom.dcmread(result)
    assert np.array_equal(pixels + 1, stored(made))
    assert FRAMES == len(made.PerFrameFunctionalGroupsSequence)
