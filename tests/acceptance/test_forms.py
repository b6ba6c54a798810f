"""Real sets in every form of segmentation: OHIF's reader and the gate find what the mask holds."""

from __future__ import annotations

import warnings
from collections import Counter

import pytest

from pipelines.manifest import OutputFile
from pipelines.registry import load_cards
from pipelines.run import run
from tests.acceptance.sets import is_dicom
from tests.judges.ohif import count_voxels
from tests.tools import samples
from tests.unit.pipelines.stand_ins import a_request

pytestmark = [pytest.mark.samples, pytest.mark.timeout(600)]

SETS = {
    "ct-abdomen-crlm-ct-1004": "ct-segment",
    "mr-abdomen-adc-scan_001": "mr-segment",
    "mr-enhanced-siemens-xa30/6_anat-T1w_acq-tfl": "mr-segment",
    "pet-hn-qin0024/PET": "pet-segment",
}


@pytest.mark.parametrize("name", SETS)
def test_every_form_of_a_real_set_holds_the_same_voxels(name, tmp_path):
    files = [path for path in sorted((samples() / name).iterdir()) if is_dicom(path)]
    card = load_cards()[SETS[name]]
    request = a_request(card, files, tmp_path, objects=["seg", "labelmap", "segment", "sr"])
    with warnings.catch_warnings():  # real files are full of what pydicom warns about
        warnings.simplefilter("ignore")
        manifest = run(request)
    assert 0 == manifest.conformance["errors"], manifest.conformance["findings"]
    segments = manifest.measurements["segments"]
    measured = {place: row["voxels"] for place, row in enumerate(segments, start=1)}

    def counted(output: OutputFile) -> dict[int, int]:
        return count_voxels(tmp_path / output.file, files)

    (binary,), (label_map,), parts = (
        [output for output in manifest.outputs if output.kind == kind]
        for kind in ("seg", "labelmap", "segment")
    )
    assert measured == counted(binary) == counted(label_map)
    assert list(measured.values()) == [counted(part)[1] for part in parts]
    assert {"seg": 1, "labelmap": 1, "segment": len(segments), "sr": 3} == Counter(
        output.kind for output in manifest.outputs
    )
