"""Viewer profiles at work: real destinations get what theirs takes, each in its own form."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import JPEGLSLossless
from sqlalchemy import select

from dicom_node.config import PeerSection
from dicom_node.config.profiles import shipped_profiles
from dicom_node.demo.pacs import AE_TITLE, free_port, start_pacs
from dicom_node.net.errors import PeerError
from dicom_node.net.scu import OutgoingFile, taken_classes
from storage.audit import list_events
from storage.db.tables import Delivery, Job
from tests.acceptance.road import Pacs
from tests.builders import a_series, write_series
from tests.integration.test_scu import Archive, storescp
from tests.receiving import wait_until
from tests.serving import node_toml, opened, serving
from tests.tools import program

pytestmark = [pytest.mark.orthanc, pytest.mark.dcmtk]

SEG, LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"
SR, CT = "1.2.840.10008.5.1.4.1.1.88.34", "1.2.840.10008.5.1.4.1.1.2"
CLASSES = {
    "enhanced": CT, "seg": SEG, "sr": SR, "pm": "1.2.840.10008.5.1.4.1.1.30",
    "gsps": "1.2.840.10008.5.1.4.1.1.11.1", "ko": "1.2.840.10008.5.1.4.1.1.88.59",
}  # fmt: skip
STRUCTURES = "1.2.840.10008.5.1.4.1.1.481.3"
OTHERS = "1 RT structure set, 1 key object document, 1 presentation state"
PROFILES = """
[profiles.maps]
kinds = ["labelmap", "seg"]
[profiles.compact]
kinds = ["labelmap", "sr"]
transfer_syntaxes = ["jpeg-ls"]
[profiles.planning]
kinds = ["rtstruct"]
[profiles.nothing]
kinds = ["enhanced"]
leave_out_classes = ["1.2.840.10008.5.1.4.1.1.2"]
[profiles.parts]
kinds = ["seg", "sr"]
split_segments = true
"""


@pytest.fixture(scope="module")
def pacs(tmp_path_factory):
    """An own Orthanc on free ports."""
    program("Orthanc", package="orthanc")
    running = start_pacs(tmp_path_factory.mktemp("pacs"))
    yield Pacs(running)
    running.close()


def peer(name: str, at: PeerSection, profile: str) -> str:
    return (
        f'[peers.{name}]\nae_title = "{at.ae_title}"\nhost = "{at.host}"\nport = {at.port}\n'
        f'is_destination = true\nprofile = "{profile}"\n'
    )


@contextmanager
def delivered(folder: Path, peers: str) -> Iterator[tuple[dict[str, Delivery], list[str]]]:
    """The deliveries of the segmentation by destination, once a node has sent a CT to all."""
    more = f'{peers}[peers.TEST]\nae_title = "TEST"\n{PROFILES}'
    with serving(folder, node_toml(folder, port=free_port(), more=more)) as node:
        assert {0} == set(node.send(write_series(folder / "images", a_series(slices=3))))
        node.wait_until_quiet(instances=3)
        with opened(node.settings) as db, db.read() as session:
            query = select(Delivery, Job.pipeline).join(Job, Delivery.job_id == Job.id)
            rows = {
                row.destination: row
                for row, pipeline in session.execute(query)
                if pipeline == "stub-segment"
            }
            texts = [event.text for event in list_events(session, limit=200)]
        yield rows, texts


def test_each_destination_gets_its_own_selection_and_the_trail_says_what_was_left_out(
    pacs, tmp_path
):
    archive = Archive(tmp_path)
    with archive, storescp(tmp_path / "peer", "+xa", "+B") as old:
        peers = (
            peer("ORTHANC", pacs.running.peer, "orthanc")
            + peer("OLD", old, "maps")
            + peer("VIEWER", archive.peer, "compact")
            + peer("PLANNING", old, "planning")
            + peer("NOTHING", old, "nothing")
        )
        with delivered(tmp_path / "node", peers) as (rows, texts):
            pass

    assert {"sent"} == {row.state for row in rows.values()}
    # Orthanc: the enhanced series and its map, BINARY, and what names it and its images.
    held = Counter(
        dict(pacs.get(f"instances/{one}/simplified-tags"))["SOPClassUID"]
        for one in pacs.instance_ids()
    )
    assert {**dict.fromkeys(CLASSES.values(), 1), CT: 3} == held
    assert "left out by its profile: 1 RT structure set" == rows["ORTHANC"].reason
    # storescp takes no label maps: G.8, BINARY in their place. The structures are the other's.
    arrived = [dcmread(path) for path in (tmp_path / "peer").iterdir()]
    assert {SEG, STRUCTURES} == {one.SOPClassUID for one in arrived}
    assert 2 == len(arrived)
    assert (
        "it declines label maps and got segmentations; left out by its profile: "
        f"{OTHERS}, 1 report" == rows["OLD"].reason
    )
    assert 1 == rows["PLANNING"].accepted
    # The archive takes everything: the label map alone, compressed, and the report that names it.
    kept = {one.sop_class_uid: one for one in archive.received}
    assert {LABEL_MAP, SR} == set(kept)
    assert JPEGLSLossless == kept[LABEL_MAP].transfer_syntax_uid
    assert kept[LABEL_MAP].sop_instance_uid.encode() in kept[SR].encoded
    # Nothing of it is for the last one: a success that says so.
    assert (0, f"left out by its profile: 1 segmentation, 1 label map, {OTHERS}, 2 reports") == (
        rows["NOTHING"].accepted, rows["NOTHING"].reason,
    )  # fmt: skip
    assert any("to NOTHING: attempt 1 with 0 instances, left out by" in text for text in texts)
    assert any("to OLD: 1 instances sent and accepted; it declines" in text for text in texts)


def test_split_segments_are_made_before_they_are_sent(tmp_path):
    with storescp(tmp_path / "peer", "+xa", "+B") as viewer:  # noqa: SIM117 - it outlives the node
        with delivered(tmp_path / "node", peer("VIEWER", viewer, "parts")) as (rows, _texts):
            assert (2, "") == (rows["VIEWER"].accepted, rows["VIEWER"].reason)

    arrived = [dcmread(path) for path in (tmp_path / "peer").iterdir()]
    (seg,) = [one for one in arrived if one.SOPClassUID == SEG]
    (report,) = [one for one in arrived if one.SOPClassUID == SR]
    assert seg.SOPInstanceUID in str(report)


def test_orthanc_as_it_is_shipped_takes_what_its_profile_says_and_no_label_map(tmp_path):
    port = free_port()
    settings = tmp_path / "orthanc.json"
    settings.write_text(
        json.dumps(
            {"StorageDirectory": str(tmp_path / "storage"), "DicomAet": AE_TITLE,
             "DicomPort": port, "HttpServerEnabled": False}
        )
    )  # fmt: skip
    files = [OutgoingFile(Path(), uid, "", "") for uid in (*CLASSES.values(), LABEL_MAP)]
    at = PeerSection(ae_title=AE_TITLE, host="127.0.0.1", port=port)

    def taken() -> set[str]:
        with suppress(PeerError):  # until it listens
            return taken_classes(at, "NODE", files, 5)
        return set()

    command = [program("Orthanc", package="orthanc"), str(settings)]
    orthanc = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        found = wait_until(taken, 30)
    finally:
        orthanc.terminate()
        orthanc.wait(15)

    assert {CLASSES[kind] for kind in shipped_profiles()["orthanc"].kinds} == found
