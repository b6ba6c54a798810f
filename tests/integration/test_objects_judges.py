"""The objects beside image, segmentation and report, before judges that others wrote."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image

from tests.acceptance.road import a_pacs
from tests.conforming import whole_series
from tests.judges.dicom3tools import contradictions, new_errors
from tests.judges.dicom_validator import new_violations
from tests.unit.pipelines.stand_ins import a_card, frames_card, run_card
from tests.unit.pipelines.ultrasound import a_colour_image, a_grey_loop

VOLUMES = {"CT": (-24.0, 10.0), "MR": (1000.0, 1e9), "PT": (2500.0, 1e9)}
FRAMES = {
    "CR": lambda: whole_series("CR", 1),
    "NM": lambda: whole_series("NM", 1),
    "still": lambda: [a_grey_loop(frames=1)],
    "loop": lambda: [a_grey_loop(frames=3)],
    "colour": lambda: [a_colour_image()[0]],
}


def a_run(case: str, folder: Path, kind: str, **images: Any) -> tuple[list[Path], list[Path]]:
    """Source files, and the files of one kind beside a segmentation."""
    if case in VOLUMES:
        low, high = VOLUMES[case]
        card = a_card("above", parameters={"low": low, "high": high})
        sources = whole_series(case)
    else:
        low = 1000.0 if case in ("CR", "NM") else 130.0
        card = frames_card("above", parameters={"low": low, "high": 1e9})
        sources = FRAMES[case]()
    for image in sources:
        for keyword, value in images.items():
            setattr(image, keyword, value)
    manifest, made = run_card(card, sources, folder, objects=["seg", "sr", kind])
    assert (0, 0) == (manifest.conformance["errors"], manifest.conformance["warnings"])
    found = [made / output.file for output in manifest.outputs if output.kind == kind]
    return sorted((folder / "source").glob("*.dcm")), found


@pytest.mark.parametrize("case", [*VOLUMES, *FRAMES])
def test_enh_29_no_judge_finds_an_error_in_a_capture(tmp_path, case):
    sources, captures = a_run(case, tmp_path, "sc")

    assert captures
    assert set() == new_errors(sources, captures[0])
    assert set() == new_violations(sources, captures[0])
    assert [] == contradictions([*sources, *captures])


@pytest.mark.orthanc
def test_orthanc_draws_captures_as_they_are(tmp_path):
    _, captures = a_run("CT", tmp_path / "run", "sc")
    _, frames = a_run("loop", tmp_path / "loop", "sc")
    with a_pacs(tmp_path / "pacs") as pacs:
        for path in (*captures, *frames):
            drawn = np.asarray(Image.open(io.BytesIO(pacs.picture(pacs.store(path)))))
            np.testing.assert_array_equal(pydicom.dcmread(path).pixel_array, drawn)
