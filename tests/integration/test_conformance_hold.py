"""A result with an error of its own is held before the destinations that say so, and told."""

from __future__ import annotations

import pytest

from dicom_node.config import Settings
from dicom_node.delivery.orders import cancel_delivery, resend_delivery
from dicom_node.delivery.rows import begin_delivery
from dicom_node.delivery.send import DeliveryLoop
from storage.audit import list_events
from storage.db.queries.deliveries import next_delivery_id
from storage.errors import StaleTransition
from tests.jobs import job_settings, some_works, warm_children
from tests.statement import table

REASON = "1 conformance error: ImageType is absent, but it is of type 1"


@pytest.fixture(autouse=True, scope="module")
def stubs():
    with warm_children():
        yield


@pytest.fixture
def settings(tmp_path):
    base = job_settings(tmp_path / "data", max_attempts=3).model_dump()
    peer = base["peers"]["PACS"]
    base["peers"] = {
        "PACS": peer,
        "TOLD": {**peer, "ae_title": "TOLD", "conformance": "warn"},
        "ANY": {**peer, "ae_title": "ANY", "conformance": "off"},
    }
    return Settings.model_validate(base)


@pytest.fixture
def works(db, store, settings):
    with some_works(db, store, settings) as all_of_it:
        yield all_of_it


def run(works, act: str) -> int:
    destinations = ["PACS", "TOLD", "ANY", "GONE"]
    job_id = works.add(works.receive(), act=act, destinations=destinations)
    works.engine.serve(works.slots)
    assert "succeeded" == works.wait_for(job_id).state
    return job_id


def texts(works, subject: str) -> list[str]:
    with works.db.read() as session:
        return [row.text for row in list_events(session, limit=200) if row.subject == subject]


def test_a_builder_that_forgets_an_attribute_is_held_where_the_settings_say_block(works):
    job_id = run(works, "forget")

    found = {one.destination: (one.state, one.reason) for one in works.deliveries()}
    assert {
        "PACS": ("held", REASON), "TOLD": ("queued", ""), "ANY": ("queued", ""),
        "GONE": ("held", REASON),
    } == found  # fmt: skip
    said = {row["`[peers.NAME] conformance`"]: row["Delivery"] for row in table("5-7")}
    for destination, policy in (
        ("PACS", "`block` (default)"),
        ("TOLD", "`warn`"),
        ("ANY", "`off`"),
    ):
        assert said[policy].startswith(found[destination][0])
    assert 1 == works.job(job_id).manifest["conformance"]["errors"]
    held = works.deliveries()[0]
    assert [f"job {job_id} stub-enhance: delivery {held.id} to PACS held: {REASON}"] == texts(
        works, f"delivery:{held.id}"
    )
    assert f"job {job_id} stub-enhance: succeeded: 3 new outputs, 0 unchanged; {REASON}" in texts(
        works, f"job:{job_id}"
    )
    works.verify_trail()


def test_results_without_an_error_are_queued_for_every_destination(works):
    run(works, "")

    assert {"queued"} == {one.state for one in works.deliveries()}


def test_a_held_delivery_is_not_sent(works):
    run(works, "forget")
    held = works.deliveries()[0]
    peer = works.bench.settings.peers["PACS"]
    loop = DeliveryLoop("PACS", peer, works.db, works.bench.store, works.bench.settings)

    assert not loop._send_next()
    with pytest.raises(StaleTransition):
        begin_delivery(
            works.db, works.bench.store, held.id, works.bench.settings.profile_of("PACS")
        )
    assert "held" == works.deliveries()[0].state


def test_a_person_sends_a_held_delivery_all_the_same_or_gives_it_up(works):
    run(works, "forget")
    pacs, _told, _any, gone = works.deliveries()

    with works.db.begin() as session:
        resend_delivery(session, pacs.id, actor="user:op")
        cancel_delivery(session, gone.id, actor="user:op")

    states = {one.destination: one.state for one in works.deliveries()}
    assert ("queued", "cancelled") == (states["PACS"], states["GONE"])
    with works.db.read() as session:
        due = works.deliveries()[0].run_after
        assert pacs.id == next_delivery_id(session, "PACS", due)
    assert f"delivery {pacs.id} to PACS: ordered to be sent again" in texts(
        works, f"delivery:{pacs.id}"
    )
    works.verify_trail()
