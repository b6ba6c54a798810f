"""A running node with a PACS and a research archive: one gets the patient's, the other does not."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from pydicom import dcmread

from dicom_node.config import PeerSection
from dicom_node.demo.pacs import free_port
from storage.audit import list_events, verify
from tests.builders import CANARY, a_series, write_series
from tests.integration.test_scu import storescp
from tests.serving import node_toml, opened, serving
from tests.tools import program

pytestmark = pytest.mark.dcmtk

SEG = "1.2.840.10008.5.1.4.1.1.66.4"
RESEARCH = """
[research.lung]
dates = "shift"
structured_content = true
"""


def peer(name: str, at: PeerSection, project: str = "") -> str:
    return (
        f'[peers.{name}]\nae_title = "{at.ae_title}"\nhost = "{at.host}"\nport = {at.port}\n'
        f'is_destination = true\nresearch = "{project}"\n'
    )


def test_the_pacs_gets_the_patients_own_and_the_study_gets_images_and_results_without_the_patient(
    tmp_path,
):
    program("storescp", package="dcmtk")
    sources = a_series(slices=3)
    with (
        storescp(tmp_path / "pacs", "+xa", "+B") as pacs,
        storescp(tmp_path / "study", "+xa", "+B") as study,
    ):
        more = peer("PACS", pacs) + peer("STUDY", study, "lung") + RESEARCH
        more += '[peers.TEST]\nae_title = "TEST"\n'
        with serving(
            tmp_path / "n", node_toml(tmp_path / "n", port=free_port(), more=more)
        ) as node:
            assert {0} == set(node.send(write_series(tmp_path / "images", sources)))
            node.wait_until_quiet(instances=3)
            with opened(node.settings) as db:
                with db.read() as session:
                    exports = list_events(session, limit=50, event="110106")
                assert verify(db, node.settings.node.data_folder / "audit.head")
            said = node.said
            left = list((tmp_path / "n" / "data" / "work").rglob("*.dcm"))
        kept = [dcmread(path) for path in sorted((tmp_path / "pacs").iterdir())]
        files = sorted((tmp_path / "study").iterdir())

    assert {CANARY} == {str(image.PatientName) for image in kept}
    got = [dcmread(path) for path in files]
    classes = Counter(str(image.SOPClassUID) for image in got)
    assert classes[sources[0].SOPClassUID] == 6  # received and enhanced
    assert classes[SEG] == 1
    assert 1 == len({(image.PatientID, image.StudyInstanceUID) for image in got})
    (seg,) = (image for image in got if image.SOPClassUID == SEG)
    named = {str(e.value) for e in seg.iterall() if e.keyword == "ReferencedSOPInstanceUID"}
    assert named
    assert named <= {str(image.SOPInstanceUID) for image in got}
    secrets = [
        CANARY,
        sources[0].PatientID,
        sources[0].AccessionNumber,
        sources[0].StudyInstanceUID,
    ]
    secrets += [str(image.SOPInstanceUID) for image in sources]
    assert not [(path.name, one) for path in files for one in secrets if holds(path, one)]
    assert not [one for one in secrets if one in said]
    assert not left
    assert exports
    assert {("R", 0, True, "lung", sources[0].StudyInstanceUID)} == {
        (row.action, row.outcome, row.detail["anonymized"], row.detail["project"], row.study_uid)
        for row in exports
    }


def holds(path: Path, value: str) -> bool:
    return value.encode() in path.read_bytes()
