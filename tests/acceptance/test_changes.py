"""A study that changes after its results were sent: a late slice, a corrected name, nothing new."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom import Dataset, dcmread

from storage.audit import list_events
from tests.acceptance.road import PROCESSED_WITHIN_S, Pacs, a_node, a_pacs, settings_toml
from tests.receiving import wait_until
from tests.serving import ServedNode, opened
from tests.tools import samples

pytestmark = [
    pytest.mark.samples,
    pytest.mark.orthanc,
    pytest.mark.dcmtk,
    pytest.mark.timeout(1800),
]
SLICES = 12
CORRECTED = "Corrected^Name"


def neighbours() -> list[Path]:
    """The lowest slices of a real CT, upwards."""
    files = list((samples() / "ct-abdomen-crlm-ct-1004").glob("*.dcm"))
    return sorted(files, key=height)[:SLICES]


def height(path: Path) -> float:
    return float(dcmread(path, stop_before_pixels=True).ImagePositionPatient[2])


def send(node: ServedNode, paths: list[Path], folder: Path, name: str = "") -> None:
    """Send copies of these, under another patient's name if one is given, and wait for results."""
    folder.mkdir()
    for path in paths:
        image = dcmread(path)
        if name:
            image.PatientName = name
        image.save_as(folder / path.name)
    before = receptions(node)
    node.storescu(folder)
    wait_until(lambda: receptions(node) > before)
    node.wait_until_quiet(instances=1, within_s=PROCESSED_WITHIN_S)


def receptions(node: ServedNode) -> int:
    """How many associations have brought something, by the node's trail."""
    with opened(node.settings) as db, db.read() as session:
        rows = list_events(session, limit=10_000, event="110104")
        return sum("received" in row.text for row in rows)


def results(pacs: Pacs) -> dict[str, Dataset]:
    """SOP Instance UID to header of all that the PACS holds."""
    found = [pacs.header(instance) for instance in pacs.instance_ids()]
    return {str(one.SOPInstanceUID): one for one in found}


def added(pacs: Pacs, before: dict[str, Dataset]) -> list[Dataset]:
    """What came since, after which nothing of `before` is missing."""
    now = results(pacs)
    assert before.keys() <= now.keys()
    return [one for uid, one in now.items() if uid not in before]


def series_uids(images: list[Dataset], modality: str) -> set[str]:
    return {str(one.SeriesInstanceUID) for one in images if one.Modality == modality}


def test_what_changes_gives_new_results_that_name_the_old_and_what_does_not_gives_none(tmp_path):
    slices = neighbours()
    with (
        a_pacs(tmp_path / "pacs") as pacs,
        a_node(tmp_path, settings_toml(tmp_path, pacs)) as node,
    ):
        send(node, slices[:-1], tmp_path / "first")
        first = added(pacs, {})
        (first_series,) = series_uids(first, "CT")
        assert len(slices) - 1 == sum(one.Modality == "CT" for one in first)

        before = results(pacs)
        send(node, slices[:-1], tmp_path / "again")
        assert [] == added(pacs, before)

        send(node, slices[-1:], tmp_path / "late")
        late = added(pacs, before)
        (late_series,) = series_uids(late, "CT")
        assert len(slices) == sum(one.Modality == "CT" for one in late)
        assert {f"replaces series {first_series}"} == replaced(late)
        assert {"SEG", "SR"} <= {one.Modality for one in late}

        before = results(pacs)
        send(node, slices, tmp_path / "corrected", CORRECTED)
        corrected = added(pacs, before)
        assert {CORRECTED} == {str(one.PatientName) for one in corrected}
        assert {f"replaces series {late_series}"} == replaced(corrected)
        assert {"CT", "SEG", "SR"} <= {one.Modality for one in corrected}

        before = results(pacs)
        send(node, slices, tmp_path / "corrected again", CORRECTED)
        assert [] == added(pacs, before)


def replaced(images: list[Dataset]) -> set[str]:
    """What the enhanced images say of the series that they stand in for."""
    texts = [str(one.DerivationDescription) for one in images if one.Modality == "CT"]
    return {text[text.index("replaces series") :].split(";")[0].rstrip(".") for text in texts}
