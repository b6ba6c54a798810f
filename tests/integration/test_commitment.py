"""Storage commitment with real peers: what they ask, what they are told, and when (PS3.4 J)."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydicom import Dataset
from pydicom.uid import MRImageStorage
from pynetdicom import build_context, build_role

from dicom_node.demo.pacs import free_port
from dicom_node.intake import index_thread
from dicom_node.net import commitment_scp
from dicom_node.net.commitment import PUSH_MODEL, Report
from dicom_node.net.entity import Entity
from dicom_node.net.scp import StorageScp
from storage.audit import verify
from storage.files.part import LocalPart
from tests.builders import CANARY, a_series
from tests.commitment import Peer, a_desk_node, ask, question
from tests.receiving import HeardIntake, settings_for, wait_until

NO_SUCH, CONFLICT, PROCESSING = 0x0112, 0x0119, 0x0110


@pytest.fixture
def peer():
    return Peer()


@pytest.fixture
def node(tmp_path, sqlite_template, peer):
    """A node that knows the peer and cannot call it back."""
    with a_desk_node(tmp_path / "data", sqlite_template, [peer]) as running:
        yield running


def store(association, images):
    assert [0] * len(images) == [association.send_c_store(image).Status for image in images]


def store_and_ask(node, peer, images, asked=None):
    """What the peer is told on the association on which it stored and asked."""
    with peer.calling(node.port) as association:
        store(association, images)
        before = len(peer.told)
        assert 0 == ask(association, question(images) if asked is None else asked)
        wait_until(lambda: len(peer.told) > before)
        node.wait_for_state("reported")
    return peer.told[-1]


def key_of(image):
    return f"received/{image.StudyInstanceUID}/{image.SeriesInstanceUID}/{image.SOPInstanceUID}.dcm"


def file_of(node, image):
    return node.store.path(key_of(image))


def test_net_07_either_role_is_given_to_a_peer_that_wants_it(node, peer):
    for roles in ({"scu_role": True}, {"scp_role": True}, {"scu_role": True, "scp_role": True}):
        association = Entity(peer.ae_title).associate(
            "127.0.0.1", node.port, ae_title="DICOM_NODE", contexts=[build_context(PUSH_MODEL)],
            ext_neg=[build_role(PUSH_MODEL, **roles)],
        )  # fmt: skip
        [taken] = association.accepted_contexts
        association.release()

        wanted = roles.get("scu_role", False), roles.get("scp_role", False)
        assert wanted == (taken.as_scu, taken.as_scp)


def test_the_index_is_waited_for(node, peer, monkeypatch):
    monkeypatch.setattr(index_thread, "GATHER_S", 0.7)  # rows come so long after their answer

    told = store_and_ask(node, peer, a_series(slices=2))

    assert (1, 2) == (told.event_type, len(told.safe))


def test_a_report_goes_between_two_messages_of_its_association(tmp_path, peer):
    """One that is ready while an instance is received goes after that one's answer."""
    [image] = a_series(slices=1)
    is_receiving, may_go_on = threading.Event(), threading.Event()

    def receive(_incoming):
        is_receiving.set()
        assert may_go_on.wait(60)
        return 0

    class Ready:
        """Knows that all is safe, as soon as an instance is being received."""

        has_reported = threading.Event()

        def ask(self, _association, request):
            self.request = request
            return 1

        def report_on(self, _number, _is_over):
            assert is_receiving.wait(60)
            self.has_reported.set()
            return Report(self.request.transaction_uid, self.request.references, ())

        def told(self, _number, _report):
            pass

        leave = told

    desk = Ready()
    settings = settings_for(tmp_path / "plain")
    scp = StorageScp(settings, HeardIntake(receive), commitments=desk)
    _, port = scp.start()
    with ThreadPoolExecutor(1) as pool, peer.calling(port) as association:
        assert 0 == ask(association, question([image]))
        answer = pool.submit(association.send_c_store, image)
        assert desk.has_reported.wait(60)
        with peer.calling(port):  # time enough for a report that does not wait
            pass
        may_go_on.set()
        assert 0 == answer.result(60).Status
        wait_until(lambda: peer.told)
    scp.stop(deadline_s=2)

    assert ["N_ACTION_RSP", "C_STORE_RSP", "N_EVENT_REPORT_RQ"] == peer.heard


def test_what_was_just_stored_is_reported_safe_on_the_same_association_within_a_second(node, peer):
    images = a_series(slices=5)

    with peer.calling(node.port) as association:
        store(association, images)
        asked_at = time.monotonic()
        assert 0 == ask(association, question(images))
        wait_until(lambda: peer.told)
        took_s = time.monotonic() - asked_at
        node.wait_for_state("reported")

    [told] = peer.told
    assert (1, False) == (told.event_type, told.is_called_back)
    assert [image.SOPInstanceUID for image in images] == told.safe
    assert question(images).TransactionUID == told.dataset.TransactionUID
    assert "RetrieveAETitle" not in told.dataset
    assert "FailedSOPSequence" not in told.dataset
    assert took_s < 5  # a tenth of a second where the machine has nothing else to do
    [row] = node.requests()
    assert ("reported", 5, 0) == (row.state, row.safe, row.attempt)


def test_what_was_never_received_is_reported_beside_what_is_safe(node, peer):
    images = a_series(slices=3)
    [unknown] = a_series(slices=1, key="elsewhere")

    told = store_and_ask(node, peer, images, question([*images, unknown]))

    assert 2 == told.event_type
    assert {unknown.SOPInstanceUID: NO_SUCH} == told.failed
    assert [image.SOPInstanceUID for image in images] == told.safe


def test_an_instance_under_another_class_is_a_conflict(node, peer):
    images = a_series(slices=2)
    asked = question(images)
    asked.ReferencedSOPSequence[1].ReferencedSOPClassUID = MRImageStorage

    told = store_and_ask(node, peer, images, asked)

    assert {images[1].SOPInstanceUID: CONFLICT} == told.failed
    assert [images[0].SOPInstanceUID] == told.safe


def test_a_file_that_is_gone_cut_or_another_is_never_promised(node, peer):
    images = a_series(slices=4)
    store_and_ask(node, peer, images)
    gone, cut, other = (file_of(node, image) for image in images[:3])
    gone.unlink()
    cut.write_bytes(cut.read_bytes()[:-2])
    other.write_bytes(file_of(node, images[3]).read_bytes())

    told = store_and_ask(node, peer, [], question(images, "later"))

    wanted = dict(
        zip([i.SOPInstanceUID for i in images], [NO_SUCH, PROCESSING, PROCESSING], strict=False)
    )
    assert wanted == told.failed
    assert [images[3].SOPInstanceUID] == told.safe


def test_what_was_not_acknowledged_is_not_promised(node, peer, monkeypatch):
    """Its file is there already, but the store has not said yet that it is durable."""
    [image] = a_series(slices=1)
    may_go_on = threading.Event()
    name = LocalPart.name

    def slow_name(part, key):
        name(part, key)
        assert may_go_on.wait(60)

    monkeypatch.setattr(LocalPart, "name", slow_name)
    with ThreadPoolExecutor(1) as pool, peer.calling(node.port) as sending:
        answer = pool.submit(sending.send_c_store, image)
        try:
            wait_until(lambda: node.store.exists(key_of(image)))
            with peer.calling(node.port) as association:
                assert 0 == ask(association, question([image]))
                wait_until(lambda: peer.told)
        finally:
            may_go_on.set()
        assert 0 == answer.result(60).Status

    assert {image.SOPInstanceUID: NO_SUCH} == peer.told[0].failed
    assert [] == peer.told[0].safe


def test_nothing_else_waits_for_the_report(node, peer):
    """The index is waited for, in vain, while the association goes on storing."""
    first, second = a_series(slices=3), a_series(slices=3, key="b")
    [unknown] = a_series(slices=1, key="elsewhere")

    with peer.calling(node.port) as association:
        store(association, first)
        assert 0 == ask(association, question([*first, unknown]))
        store(association, second)
        assert [] == peer.told
        assert 0 == ask(association, question(second, "second"))
        wait_until(lambda: len(peer.told) == 2)
        wait_until(lambda: {row.state for row in node.requests()} == {"reported"})

    assert [2, 1] == [told.event_type for told in peer.told]


def test_a_report_does_not_mix_with_what_the_peer_sends_meanwhile(node, peer):
    """Reports and C-STORE answers cross on one association, and none gets lost."""
    images = a_series(slices=40)
    with peer.calling(node.port) as association:
        for number, image in enumerate(images):
            store(association, [image])
            if number % 4 == 0:
                assert 0 == ask(association, question([image], number))
        wait_until(lambda: len(peer.told) == 10)
        wait_until(lambda: {row.state for row in node.requests()} == {"reported"})

    assert {1} == {told.event_type for told in peer.told}


@pytest.mark.parametrize(
    ("status", "asked", "how"),
    [
        (0x0115, {"TransactionUID": None}, {}),
        (0x0115, {"TransactionUID": ""}, {}),
        (0x0115, {"TransactionUID": "1.2/../../3"}, {}),
        (0x0115, {"ReferencedSOPSequence": None}, {}),
        (0x0115, {"ReferencedSOPSequence": []}, {}),
        (0x0115, {"ReferencedSOPSequence": [Dataset()]}, {}),
        (0x0123, {}, {"action": 2}),
        (0x0112, {}, {"instance": "1.2.840.10008.1.20.1.2"}),
    ],
)  # fmt: skip
def test_a_request_that_is_none_is_declined_and_the_association_goes_on(
    node, peer, status, asked, how
):
    images = a_series(slices=1)
    with peer.calling(node.port) as association:
        assert status == ask(association, question(images, **asked), **how)
        store(association, images)
        assert 0 == ask(association, question(images))
        wait_until(lambda: peer.told)
        node.wait_for_state("reported")

    assert 1 == len(node.requests())


def test_a_request_without_a_data_set_or_with_garbage_is_declined(node, peer, monkeypatch):
    from pynetdicom import association as library

    with peer.calling(node.port) as association:
        assert 0x0115 == ask(association, None)
        monkeypatch.setattr(
            library, "encode", lambda *_: b"\x08\0\x99\x11SQ\0\0\xff\xff\0\0garbage"
        )
        assert 0x0115 == ask(association, Dataset())
        monkeypatch.undo()

    assert [] == node.requests()


def test_the_same_question_is_answered_again_and_kept_once(node, peer):
    images = a_series(slices=2)
    first = store_and_ask(node, peer, images)
    file_of(node, images[0]).unlink()

    second = store_and_ask(node, peer, [], question(images))

    assert (1, 2) == (first.event_type, second.event_type)
    assert {images[0].SOPInstanceUID: NO_SUCH} == second.failed
    assert 1 == len(node.requests())


def test_a_transaction_uid_stands_for_one_question(node, peer):
    images = a_series(slices=2)
    store_and_ask(node, peer, images)

    with peer.calling(node.port) as association:
        assert 0x0115 == ask(association, question(images[:1]))

    assert [2] == [len(row.instances) for row in node.requests()]


def test_a_peer_that_is_gone_is_called_back(tmp_path, sqlite_template, peer):
    images = a_series(slices=3)
    with peer.listening(), a_desk_node(tmp_path / "data", sqlite_template, [peer]) as node:
        with node.core(), peer.calling(node.port) as association:
            store(association, images)
            assert 0 == ask(association, question(images))
            association.abort()  # before the report can have been confirmed, or just after
            row = node.wait_for_state("reported")

        assert 3 == row.safe
        assert 1 in [told.event_type for told in peer.told]


def test_a_peer_that_releases_at_once_is_called_back_once(tmp_path, sqlite_template, peer):
    images = a_series(slices=1)
    [unknown] = a_series(slices=1, key="elsewhere")  # waited for: the release comes first
    with peer.listening(), a_desk_node(tmp_path / "data", sqlite_template, [peer]) as node:
        with node.core():
            with peer.calling(node.port) as association:
                store(association, images)
                assert 0 == ask(association, question([*images, unknown]))
            node.wait_for_state("reported")
        [told] = peer.told

    assert told.is_called_back
    assert {unknown.SOPInstanceUID: NO_SUCH} == told.failed
    assert [images[0].SOPInstanceUID] == told.safe


def test_a_peer_that_does_not_confirm_is_sent_no_other_report_and_called_back(
    tmp_path, sqlite_template, peer, monkeypatch
):
    monkeypatch.setattr(commitment_scp, "ANSWER_WITHIN_S", 0.3)
    images = a_series(slices=2)
    peer.answer = None
    with (
        peer.listening(),
        a_desk_node(tmp_path / "data", sqlite_template, [peer]) as node,
        node.core(),
        peer.calling(node.port) as association,
    ):
        store(association, images)
        assert 0 == ask(association, question(images[:1], "first"))
        assert 0 == ask(association, question(images[1:], "second"))
        wait_until(lambda: {row.state for row in node.requests()} == {"reported"})

    assert [False, True, True] == [told.is_called_back for told in peer.told]


def test_a_report_is_told_once_after_the_peer_was_down_and_the_node_restarted(
    tmp_path, sqlite_template, peer
):
    images = a_series(slices=2)
    peer.port = free_port()
    with a_desk_node(tmp_path / "data", sqlite_template, [peer]) as node, node.core():
        with peer.calling(node.port) as association:
            store(association, images)
            peer.answer = 0x0110  # it does not take the report on this association
            assert 0 == ask(association, question(images))
            wait_until(lambda: peer.told)
        wait_until(lambda: node.requests()[0].attempt >= 2)
        assert "does not answer" in node.requests()[0].reason
    peer.told.clear()
    peer.answer = 0

    with (
        a_desk_node(tmp_path / "data", sqlite_template, [peer]) as node,
        peer.listening(port=peer.port),
        node.core(),
    ):
        row = node.wait_for_state("reported")
        trail = [event.text.removeprefix("storage commitment: ") for event in node.trail()]

    assert [1] == [told.event_type for told in peer.told]
    assert peer.told[0].is_called_back
    tries = [text for text in trail if text.startswith("report to CT1: attempt ")]
    assert row.attempt == len(tries)
    assert ["told CT1 that 2 instances are safe"] == [t for t in trail if t.startswith("told")]


def test_a_report_is_given_up_after_the_hours_that_deliveries_have(tmp_path, sqlite_template, peer):
    peer.port = free_port()
    images = a_series(slices=1)
    with a_desk_node(
        tmp_path / "data", sqlite_template, [peer], give_up_after_hours=1 / 3600
    ) as node:
        with node.core():
            with peer.calling(node.port) as association:
                peer.answer = 0x0110
                assert 0 == ask(association, question(images))
                wait_until(lambda: peer.told)
            row = node.wait_for_state("failed")
        last = node.trail()[-1]

    assert "does not answer" in row.reason
    assert (8, "node") == (last.outcome, last.actor)
    assert row.reason in last.text


def test_a_peer_without_an_address_is_told_on_its_association_or_not_at_all(node, peer):
    images = a_series(slices=1)
    with node.core():
        with peer.calling(node.port) as association:
            assert 0 == ask(association, question(images))  # never received: waited for
        row = node.wait_for_state("failed")

    assert [] == peer.told
    assert "no peer of its name with a host and a port" in row.reason
    first, last = node.trail()
    assert "on its own association only" in first.text
    assert 8 == last.outcome


def test_the_trail_tells_of_question_and_answer_once_for_each_study_and_outcome(node, peer):
    first, second = a_series(slices=3), a_series(slices=2, key="b")
    store_and_ask(node, peer, [*first, *second])
    file_of(node, first[0]).unlink()
    store_and_ask(node, peer, [], question([*first, *second], "later"))
    wait_until(lambda: any("not safe here" in e.text for e in node.trail()))

    told = [
        (e.event, e.action, e.outcome, e.actor, e.study_uid, e.text.partition("commitment: ")[2])
        for e in node.trail()
    ]  # fmt: skip
    a, b = first[0].StudyInstanceUID, second[0].StudyInstanceUID
    assert told[-5:] == [
        ("110103", "R", 0, "peer:CT1", a, "asked whether 3 instances are safe"
         "; the settings have no peer of its name with a host and a port, "
         "so it can be told on its own association only"),
        ("110103", "R", 0, "peer:CT1", b, "asked whether 2 instances are safe"
         "; the settings have no peer of its name with a host and a port, "
         "so it can be told on its own association only"),
        ("110103", "R", 0, "node", a, "told CT1 that 2 instances are safe"),
        ("110103", "R", 0, "node", b, "told CT1 that 2 instances are safe"),
        ("110103", "R", 4, "node", a, "told CT1 that 1 instance is not safe here"),
    ]  # fmt: skip
    assert verify(node.db, node.db.head_file) >= len(told)


def test_prv_02_the_log_names_no_instance(node, peer, capfd):
    images = a_series(slices=1)
    store_and_ask(node, peer, images)
    with peer.calling(node.port) as association:
        ask(association, question(images, TransactionUID=CANARY))

    said = capfd.readouterr().err
    assert "commitment requested" in said
    assert "commitment reported" in said
    assert "commitment request declined" in said
    for secret in (images[0].SOPInstanceUID, question(images).TransactionUID, CANARY, "Zzphi"):
        assert secret not in said


def test_a_database_that_takes_nothing_declines_the_request(node, peer, monkeypatch):
    from sqlalchemy.exc import OperationalError

    def locked():
        raise OperationalError("", {}, Exception())

    with peer.calling(node.port) as association:
        monkeypatch.setattr(node.db, "begin", locked)
        assert PROCESSING == ask(association, question(a_series(slices=1)))
        monkeypatch.undo()

    assert [] == node.requests()
