"""SEG-13: every name of the sample set of character sets, as dcmtk reads it before and after.

dcmtk's converter knows no Japanese; there pydicom reads the source.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pydicom
import pytest

from tests.builders import a_series
from tests.tools import program, samples
from tests.unit.pipelines.stand_ins import a_card, run_card

pytestmark = [pytest.mark.samples, pytest.mark.dcmtk]

FILES = [
    "Arab",
    "Fren",
    "GB2312",
    "Germ",
    "Greek",
    "H31",
    "H32",
    "Hbrw",
    "I2",
    "JapMulti",
    "JapMultiExplicitIR6",
    "KoreanMulti",
    "Russ",
    "X1",
    "X2",
]


@pytest.mark.parametrize("file", FILES)
def test_a_name_is_the_same_in_image_and_segmentation(file, tmp_path):
    source = samples() / "robust-malformed" / "charset" / f"chr{file}.dcm"
    image = pydicom.dcmread(source)
    name = image.get_item("PatientName").value
    charset = image.SpecificCharacterSet
    images = a_series(slices=3, SpecificCharacterSet=charset, PatientName=name)
    _, enhanced = run_card(a_card(), images, tmp_path / "a")
    card = a_card("above", parameters={"low": -24.0, "high": 1e9})
    _, segmented = run_card(card, images, tmp_path / "b")

    wanted = told(source) or str(image.PatientName)
    assert re.search(r"\w", wanted)
    for made in (*enhanced.glob("*.dcm"), *segmented.glob("*.dcm")):
        assert wanted == (told(made) or str(pydicom.dcmread(made).PatientName))


def told(path: Path) -> str:
    """Patient's Name as dcmdump converts it to UTF-8; empty where it cannot."""
    command = [program("dcmdump", package="dcmtk"), "+U8", "+P", "PatientName", path]
    done = subprocess.run(list(map(str, command)), check=False, capture_output=True)
    found = re.findall(r"PN \[(.*?)\s*\]", done.stdout.decode()) if not done.returncode else []
    return found[0] if found else ""
