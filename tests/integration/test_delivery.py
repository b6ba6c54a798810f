"""Results on their way to real peers that take, warn, decline, are down, or come back."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from pydicom.uid import CTImageStorage
from pynetdicom import AE, evt

from dicom_node.config import PeerSection
from dicom_node.delivery.orders import cancel_delivery, resend_delivery
from dicom_node.delivery.rows import fail_unaddressed
from dicom_node.delivery.send import DeliveryLoop
from dicom_node.demo.pacs import free_port
from storage.audit import list_events, verify
from storage.db.tables import Delivery, Job, Output, Series, Study
from storage.errors import UnknownTransition
from storage.lifecycle import advance
from tests.builders import a_series, uid, write_series
from tests.jobs import job_settings
from tests.receiving import wait_until
from tests.unit.storage.rows import AUDIT

# pynetdicom drops the socket of a refused connection without closing it.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


class Peer:
    """A Storage SCP that answers what it is told to."""

    def __init__(self, port: int = 0, *statuses: int) -> None:
        self.received: Counter[str] = Counter()
        self.associations = 0
        self._statuses = list(statuses)
        entity = AE(ae_title="PACS")
        entity.add_supported_context(CTImageStorage)
        self._server = entity.start_server(
            ("127.0.0.1", port),
            block=False,
            evt_handlers=[(evt.EVT_C_STORE, self._store), (evt.EVT_ACCEPTED, self._accepted)],
        )
        self.port = self._server.server_address[1]

    def section(self) -> PeerSection:
        return PeerSection(ae_title="PACS", host="127.0.0.1", port=self.port)

    def close(self) -> None:
        self._server.shutdown()

    def _store(self, event) -> int:
        status = self._statuses.pop(0) if self._statuses else 0
        if status in (0, 0xB000):
            self.received[str(event.request.AffectedSOPInstanceUID)] += 1
        return status

    def _accepted(self, event) -> None:
        self.associations += 1


@contextmanager
def a_peer(port: int = 0, *statuses: int) -> Iterator[Peer]:
    peer = Peer(port, *statuses)
    try:
        yield peer
    finally:
        peer.close()


@pytest.fixture
def settings(tmp_path):
    settings = job_settings(tmp_path / "data")
    deliver = settings.deliver.model_copy(update={"first_retry_s": 0.2, "timeout_s": 5.0})
    return settings.model_copy(update={"deliver": deliver})


@pytest.fixture
def deliver(db, store, settings):
    """Starts the loop of one destination; all are stopped at the end."""
    loops = []

    def start(peer: PeerSection, name: str = "PACS", settings=settings) -> DeliveryLoop:
        loop = DeliveryLoop(name, peer, db, store, settings)
        loops.append(loop)
        loop.start()
        return loop

    yield start
    for loop in loops:
        loop.stop(10)


@pytest.fixture
def add(db, store, tmp_path):
    """Makes a delivery of a finished job with so many outputs; its id."""

    def make(outputs: int = 2, destination: str = "PACS", **values) -> int:
        now = datetime.now(UTC)
        with db.begin() as session:
            number = session.query(Study).count()
            study = Study(study_uid=uid("study", number), created_at=now, last_received_at=now)
            session.add(study)
            session.flush()
            series = Series(study_id=study.id, series_uid=uid("series", number))
            session.add(series)
            session.flush()
            job = Job(
                study_id=study.id, series_id=series.id, revision=1, rule="r", pipeline="p",
                input_key="k", run_after=now, created_at=now, state="succeeded",
            )  # fmt: skip
            session.add(job)
            session.flush()
            images = a_series(slices=outputs, key=f"d{number}")
            for image, path in zip(images, write_series(tmp_path / "out", images), strict=True):
                key = f"results/{study.study_uid}/{image.SeriesInstanceUID}/{path.name}"
                store.adopt(path, key)
                session.add(
                    Output(
                        job_id=job.id,
                        study_id=study.id,
                        kind="enhanced",
                        state="released",
                        sop_uid=image.SOPInstanceUID,
                        series_uid=image.SeriesInstanceUID,
                        sop_class_uid=image.SOPClassUID,
                        file_key=key,
                        size=1,
                        sha256="x",
                        transfer_syntax_uid=image.file_meta.TransferSyntaxUID,
                        produced_at=now,
                    )
                )
            delivery = Delivery(
                job_id=job.id, study_id=study.id, destination=destination,
                **{"run_after": now, "created_at": now, **values},
            )  # fmt: skip
            session.add(delivery)
            session.flush()
            return delivery.id

    return make


@pytest.fixture
def wait_for(db):
    def wait(delivery_id: int, *states: str) -> Delivery:
        def look():
            with db.read() as session:
                row = session.get_one(Delivery, delivery_id)
            return row if row.state in states else None

        return wait_until(look)

    return wait


def test_outputs_travel_over_one_association_and_the_trail_tells_both_ends(
    db, deliver, add, wait_for, settings
):
    with a_peer() as peer:
        delivery = add(3)
        deliver(peer.section())

        row = wait_for(delivery, "sent")

    assert (3, 1, "") == (row.accepted, row.attempt, row.reason)
    assert (1, {1}, 3) == (peer.associations, set(peer.received.values()), len(peer.received))
    with db.read() as session:
        trail = [event for event in list_events(session, limit=10) if event.subject]
    assert ["110104", "110102"] == [event.event for event in trail]
    assert "3 instances sent and accepted" in trail[0].text
    told = {
        "sop_classes": {str(CTImageStorage): 3},
        "to": {"aet": "PACS", "host": "127.0.0.1"},
        "pid": os.getpid(),
    }
    assert {"instances": 3, "accepted": 3, **told} == trail[0].detail
    assert told == trail[1].detail
    assert uid("study", 0) == trail[0].study_uid
    assert verify(db, db.head_file) == 2


def test_new_rows_are_sent_as_soon_as_the_loop_is_woken(deliver, add, wait_for):
    with a_peer() as peer:
        loop = deliver(peer.section())
        delivery = add(1)
        loop.wake()

        assert 1 == wait_for(delivery, "sent").accepted


def test_a_warning_counts_as_accepted(deliver, add, wait_for):
    with a_peer(0, 0xB000, 0x0111) as peer:
        delivery = add(2)
        deliver(peer.section())

        assert 2 == wait_for(delivery, "sent").accepted


def test_what_a_peer_declines_is_tried_again_and_told(deliver, add, wait_for, db):
    with a_peer(0, 0x0000, 0xA700) as peer:
        delivery = add(2)
        deliver(peer.section())

        row = wait_for(delivery, "sent")

    assert (2, 2) == (row.accepted, row.attempt)
    with db.read() as session:
        rows = list_events(session, limit=10, event="110104")[1:3]
    failed, accepted = [(row.outcome, row.text.partition(": ")[2], row.detail) for row in rows]
    assert (4, "attempt 1 failed: 1 of 2 not accepted: status 0xA700") == failed[:2]
    assert (0, "1 of 2 instances sent and accepted") == accepted[:2]  # AUD-05: one outcome each
    for detail in (failed[2], accepted[2]):
        assert {str(CTImageStorage): 1} == detail["sop_classes"]


def test_a_destination_that_was_down_gets_everything_once_it_is_up(deliver, add, wait_for):
    port = free_port()
    delivery = add(2)
    deliver(PeerSection(ae_title="PACS", host="127.0.0.1", port=port))
    wait_for(delivery, "queued")
    wait_until(lambda: wait_for(delivery, "queued", "sending").attempt >= 2)

    with a_peer(port) as peer:
        row = wait_for(delivery, "sent")

        assert {1} == set(peer.received.values())
    assert row.attempt >= 2


def test_a_destination_that_is_down_holds_no_other_up(deliver, add, wait_for):
    down = add(1, "DOWN")
    deliver(PeerSection(ae_title="DOWN", host="127.0.0.1", port=free_port()), "DOWN")
    with a_peer() as peer:
        delivery = add(1)
        deliver(peer.section())

        wait_for(delivery, "sent")

    assert "does not answer" in wait_until(lambda: wait_for(down, "queued", "sending").reason)


def test_after_its_time_a_delivery_fails_and_a_person_may_resend_it(db, deliver, add, wait_for):
    port = free_port()
    delivery = add(1, created_at=datetime.now(UTC) - timedelta(hours=100))
    deliver(PeerSection(ae_title="PACS", host="127.0.0.1", port=port))
    assert "does not answer" in wait_for(delivery, "failed").reason

    with a_peer(port):
        with db.begin() as session:
            resend_delivery(session, delivery, actor="user:a")

        assert 1 == wait_for(delivery, "sent").accepted
    with db.begin() as session, pytest.raises(UnknownTransition):
        resend_delivery(session, delivery, actor="user:a")


def test_what_was_being_sent_when_the_node_stopped_is_sent_again(db, deliver, add, wait_for):
    delivery = add(1)
    with db.begin() as session:
        row = session.get_one(Delivery, delivery)
        advance(session, row, "start", audit=AUDIT, attempt=1)

    with a_peer() as peer:
        deliver(peer.section())

        assert 2 == wait_for(delivery, "sent").attempt


def test_the_urgent_delivery_goes_first(deliver, add, wait_for, db):
    routine, stat = add(1), add(1, priority=100)
    with a_peer() as peer:
        deliver(peer.section())
        wait_for(routine, "sent")

    with db.read() as session:
        begun = [e.subject for e in reversed(list_events(session, limit=10, event="110102"))]
    assert [f"delivery:{stat}", f"delivery:{routine}"] == begun


def test_a_delivery_whose_destination_is_gone_from_the_settings_fails(db, add, wait_for):
    delivery = add(1, "GONE")

    assert 1 == fail_unaddressed(db, ["PACS"])

    assert "no peer of this name" in wait_for(delivery, "failed").reason
    assert 0 == fail_unaddressed(db, ["PACS"])


def test_a_result_that_is_lost_from_the_store_is_told(db, store, deliver, add, wait_for):
    delivery = add(1, created_at=datetime.now(UTC) - timedelta(hours=100))
    for key in list(store.keys("results/")):
        store.delete(key)

    with a_peer() as peer:
        deliver(peer.section())

        assert "sending broke: FileNotFoundError ENOENT" == wait_for(delivery, "failed").reason


def test_a_waiting_delivery_can_be_given_up(db, add, wait_for):
    delivery = add(1)
    with db.begin() as session:
        cancel_delivery(session, delivery, actor="user:a")

    assert "cancelled" == wait_for(delivery, "cancelled").reason
