"""From an instance's bytes to its file and its rows, on both databases."""

from __future__ import annotations

import mmap
import os
import shutil
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from dicom_node.config import PeerSection
from dicom_node.intake import indexer, reindex
from dicom_node.intake.arrival import Arrival
from dicom_node.intake.index_rows import IndexRows
from dicom_node.intake.indexer import Indexer
from dicom_node.intake.practice import practise
from dicom_node.intake.reindex import index_unrowed
from dicom_node.intake.transfer_audit import record_lost
from dicom_node.net.incoming import Rejection
from dicom_node.net.status import Status
from storage.audit import list_events, study_event, verify
from storage.db.tables import Association, Instance, Series, Study
from storage.lifecycle import advance
from tests.builders import CANARY, a_series
from tests.databases import opened
from tests.receiving import (
    an_association,
    encode,
    in_process,
    incoming,
    settings_for,
    store_keys,
    take,
    wait_until,
)


@pytest.fixture
def settings(tmp_path):
    return settings_for(tmp_path)


@pytest.fixture
def intake_of(db, store, settings):
    """A context that gives an `Intake`; at its end every row is written."""

    @contextmanager
    def open_intake():
        intake = in_process(db, store, settings)
        try:
            yield intake
        finally:
            intake.close()

    return open_intake


def send(intake, images, association=None, outcome="released") -> list[int]:
    """Send images over one association that ends with `outcome`."""
    association = association or an_association()
    intake.begin(association)
    statuses = [take(intake, incoming(image, association)) for image in images]
    if outcome:
        intake.end(association, outcome)
    return statuses


def rows(db, table):
    with db.read() as session:
        return list(session.scalars(select(table).order_by(*table.__table__.primary_key)))


def written_at(folder):
    return {key: (folder / "store" / key).stat().st_mtime_ns for key in store_keys(folder)}


def events(db, event="110104"):
    with db.read() as session:
        found = list_events(session, limit=100, event=event)
    return sorted(
        ((row.seq, row.action, row.outcome, row.text) for row in found), key=lambda e: e[0]
    )


def test_instances_are_on_disk_before_the_answer_and_indexed_after(db, store, intake_of, tmp_path):
    images = a_series(slices=3)
    with intake_of() as intake:
        assert send(intake, images) == [Status.SUCCESS] * 3
        assert len(store_keys(tmp_path)) == 3
    (study,) = rows(db, Study)
    (series,) = rows(db, Series)
    instances = rows(db, Instance)
    assert (study.study_uid, study.patient_name, study.state) == (
        images[0].StudyInstanceUID,
        CANARY,
        "receiving",
    )
    assert (series.modality, series.header["CallingAETitle"]) == ("CT", "SCANNER")
    for image, instance in zip(images, instances, strict=True):
        whole = store.path(instance.file_key).read_bytes()
        assert whole.endswith(encode(image))
        assert instance.size == len(whole)
    (association,) = rows(db, Association)
    assert (association.calling_aet, association.outcome) == ("SCANNER", "released")
    assert [event[1:] for event in events(db)] == [("C", 0, "3 instances received")]


@pytest.mark.parametrize("edge", [16, 300], ids=["small", "of many pages"])
def test_a_data_set_received_behind_its_meta_is_the_file_that_it_would_be(
    store, intake_of, tmp_path, edge
):
    (image,) = a_series(slices=1, pixels=np.ones((1, edge, edge), np.int16))
    request = incoming(image)
    size, buffer = len(request.encoded), memoryview(mmap.mmap(-1, 1 << 20))
    with intake_of() as intake:
        arriving = intake.announce(request.announced)
        room = arriving.room(buffer)
        room[:size] = request.encoded
        assert arriving.finish(room[:size]).status == Status.SUCCESS

    (key,) = store_keys(tmp_path)
    assert store.path(key).read_bytes() == request.file


def test_one_audit_row_for_each_study_of_an_association(db, intake_of):
    with intake_of() as intake:
        send(intake, a_series(slices=2, key="a") + a_series(slices=3, key="b"))
    assert [event[3] for event in events(db)] == ["2 instances received", "3 instances received"]


def test_an_association_that_brings_nothing_leaves_no_trace(db, intake_of):
    with intake_of() as intake:
        send(intake, [])
    assert rows(db, Association) == []
    assert events(db) == []


def test_the_same_again_is_a_success_without_a_write(db, intake_of, tmp_path):
    images = a_series(slices=2)
    with intake_of() as intake:
        send(intake, images)
        before = {
            key: (tmp_path / "store" / key).stat().st_mtime_ns for key in store_keys(tmp_path)
        }
        assert send(intake, images, an_association(2)) == [Status.SUCCESS] * 2
    assert before == written_at(tmp_path)
    assert len(rows(db, Instance)) == 2
    assert [event[1:] for event in events(db)] == [
        ("C", 0, "2 instances received"),
        ("R", 0, "2 instances received that were held already"),
    ]


def test_a_correction_is_kept_beside_and_becomes_current(db, store, intake_of):
    (image,) = a_series(slices=1)
    (corrected,) = a_series(slices=1, PatientID="CORRECTED")
    with intake_of() as intake:
        send(intake, [image])
        assert send(intake, [corrected], an_association(2)) == [Status.SUCCESS]
    (study,) = rows(db, Study)
    first, second = rows(db, Instance)
    assert study.patient_id == "CORRECTED"
    assert (first.is_current, second.is_current) == (False, True)
    assert second.file_key.endswith(".v2.dcm")
    assert store.path(first.file_key).read_bytes().endswith(encode(image))
    assert store.path(second.file_key).read_bytes().endswith(encode(corrected))


def test_other_pixels_are_kept_and_the_study_is_quarantined(db, store, intake_of):
    (image,) = a_series(slices=1)
    (other,) = a_series(slices=1, PixelData=bytes(len(image.PixelData)))
    with intake_of() as intake:
        send(intake, [image])
        assert send(intake, [other], an_association(2)) == [Status.SUCCESS]
        assert send(intake, [other], an_association(3)) == [Status.SUCCESS]
    (study,) = rows(db, Study)
    first, second = rows(db, Instance)
    assert (study.state, study.incomplete) == (
        "quarantined",
        "an instance came again with other pixels or geometry",
    )
    assert (first.is_current, second.is_current) == (True, False)
    assert store.path(second.file_key).read_bytes().endswith(encode(other))


def test_another_patient_in_the_same_study_is_quarantined(db, intake_of):
    first, second = a_series(slices=2)
    second.PatientID = "ANOTHER"
    with intake_of() as intake:
        send(intake, [first, second])
    (study,) = rows(db, Study)
    assert (study.state, study.incomplete) == ("quarantined", "instances name different patients")


def test_an_instance_in_two_series_is_quarantined(db, intake_of):
    (image,) = a_series(slices=1)
    with intake_of() as intake:
        send(intake, [image])
        image.SeriesInstanceUID = "1.2.3"
        send(intake, [image], an_association(2))
    (study,) = rows(db, Study)
    assert study.state == "quarantined"
    assert len(rows(db, Instance)) == 2


def settle(db):
    with db.begin() as session:
        study = session.scalars(select(Study)).one()
        for event in ("settle", "match_none"):
            audit = study_event(study, "110103", "R", actor="node", text=event)
            advance(session, study, event, audit=audit)


def test_a_late_instance_opens_a_new_revision(db, intake_of):
    first, second = a_series(slices=2)
    with intake_of() as intake:
        send(intake, [first])
    settle(db)
    with intake_of() as intake:
        send(intake, [first, second], an_association(2))
    (study,) = rows(db, Study)
    assert (study.state, study.revision) == ("receiving", 2)
    assert [instance.revision for instance in rows(db, Instance)] == [1, 2]
    assert verify(db, db.head_file) == len(events(db, None))


def test_the_same_again_opens_no_revision(db, intake_of):
    images = a_series(slices=2)
    with intake_of() as intake:
        send(intake, images)
    settle(db)
    with intake_of() as intake:
        send(intake, images, an_association(2))
    (study,) = rows(db, Study)
    assert (study.state, study.revision) == ("unmatched", 1)


def test_enh_28_own_results_coming_back_are_marked_and_open_nothing(db, intake_of):
    with intake_of() as intake:
        send(intake, a_series(slices=1))
    settle(db)
    own = a_series(slices=1, series=2, ManufacturerModelName="dicom-node")
    with intake_of() as intake:
        send(intake, own, an_association(2))
    (study,) = rows(db, Study)
    source, result = rows(db, Series)
    assert (study.state, study.revision) == ("unmatched", 1)
    assert "OwnResult" not in source.header
    assert result.header["OwnResult"] == "YES"
    assert "own results" in events(db)[-1][3]


@pytest.mark.parametrize("outcome", ["aborted", "lost"])
def test_a_study_that_broke_off_is_flagged_until_it_comes_whole(db, intake_of, outcome):
    images = a_series(slices=3)
    with intake_of() as intake:
        send(intake, images[:2], outcome=None if outcome == "lost" else outcome)
    if outcome == "lost":
        with db.begin() as session:
            now = datetime.now(UTC)
            assert record_lost(session, now + timedelta(seconds=1), now) == 1
    (study,) = rows(db, Study)
    assert study.incomplete == f"an association was {outcome} after 2 instances"
    assert rows(db, Association)[0].outcome == outcome
    assert outcome in events(db)[-1][3]
    with intake_of() as intake:
        send(intake, images, an_association(2))
    assert rows(db, Study)[0].incomplete == ""


def test_refusals_leave_nothing_on_disk_and_are_audited(db, intake_of, tmp_path):
    image, other, *_ = a_series(slices=2)
    whole = encode(image)
    del other.StudyInstanceUID
    association = an_association()
    expected = {
        Status.CANNOT_UNDERSTAND: [
            incoming(image, encoded=b""),
            incoming(image, encoded=whole[:-1]),
            incoming(image, encoded=b"\xff" * 100),
        ],
        Status.LACKS_IDENTITY: [incoming(other)],
        Status.INVALID_INSTANCE: [incoming(image, sop_instance_uid="../../../tmp/x")],
        Status.NO_SUCH_CLASS: [incoming(image, sop_class_uid="")],
        Status.DOES_NOT_MATCH: [
            incoming(image, sop_instance_uid="1.2.3"),
            incoming(image, sop_class_uid="1.2.3"),
        ],
    }
    with intake_of() as intake:
        intake.begin(association)
        for status, requests in expected.items():
            assert [take(intake, one) for one in requests] == [status] * len(requests)
        intake.end(association, "released")
    assert store_keys(tmp_path) == []
    assert rows(db, Study) == []
    assert {event[1:] for event in events(db)} == {
        ("C", 4, "3 instances refused with status 0xC000"),
        ("C", 4, "1 instance refused with status 0xC001"),
        ("C", 4, "1 instance refused with status 0x0117"),
        ("C", 4, "1 instance refused with status 0x0118"),
        ("C", 4, "2 instances refused with status 0xA900"),
    }


def test_a_full_disk_is_answered_as_out_of_resources(db, store, tmp_path):
    (image,) = a_series(slices=1)
    intake = in_process(
        db, store, settings_for(tmp_path, disk_reserve_mb=2**40, disk_warn_mb=2**40)
    )
    assert send(intake, [image]) == [Status.OUT_OF_RESOURCES]
    intake.close()
    assert store_keys(tmp_path) == []
    assert [event[2] for event in events(db)] == [8]


def test_a_rejected_association_is_a_security_alert(db, intake_of):
    with intake_of() as intake:
        intake.reject(Rejection("INTRUDER", "DICOM_NODE", "10.0.0.66", "no peer has its AE title"))
    ((_, action, outcome, text),) = events(db, "110113")
    assert (action, outcome, text) == ("E", 8, "association rejected: no peer has its AE title")


def test_files_without_a_row_are_indexed_as_if_they_just_came(db, store, settings, intake_of):
    images = a_series(slices=3)
    (corrected,) = a_series(slices=1, PatientID="CORRECTED")
    with intake_of() as intake:
        send(intake, images)
        send(intake, [corrected], an_association(2))
    before = [(row.sop_uid, row.file_key, row.is_current) for row in rows(db, Instance)]
    header = rows(db, Series)[0].header
    _forget(db)
    assert index_unrowed(db, store, settings) == 4
    assert index_unrowed(db, store, settings) == 0
    after = [(row.sop_uid, row.file_key, row.is_current) for row in rows(db, Instance)]
    assert sorted(after) == sorted(before)
    assert rows(db, Series)[0].header == header
    assert rows(db, Study)[0].patient_id == "CORRECTED"
    assert events(db)[-1][3] == "4 received files had no row after a restart: indexed"


def test_a_damaged_file_without_a_row_is_set_aside_and_reported(db, store, settings, intake_of):
    first, second, third = a_series(slices=3)
    with intake_of() as intake:
        send(intake, [first, second])
    paths = [store.path(row.file_key) for row in rows(db, Instance)]
    _forget(db)
    paths[0].write_bytes(paths[0].read_bytes()[:-1])
    paths[1].rename(paths[1].with_name(f"{third.SOPInstanceUID}.dcm"))
    assert index_unrowed(db, store, settings) == 0
    assert len(list(store.keys("quarantine/received/"))) == 2
    assert list(store.keys("received/")) == []
    texts = [event[3] for event in events(db) if event[2] == 8]
    assert len(texts) == 2
    assert "truncated" in " ".join(texts)


@pytest.mark.parametrize(
    "meta",
    [
        b"",
        b"\0" * 128 + b"DICM" + b"\2\0\0\0UL\4\0\xff\xff\xff\xff",  # longer than any
        b"\0" * 128 + b"DICM" + b"\2\0\0\0UL\4\0\x08\0\0\0" + b"\xff" * 8,  # rubbish
        b"\0" * 128 + b"DICM" + b"\2\0\0\0UL\4\0\0\0\0\0",  # without attributes
    ],
)
def test_a_file_whose_meta_is_damaged_is_set_aside_and_the_others_are_indexed(
    db, store, settings, intake_of, meta
):
    with intake_of() as intake:
        send(intake, a_series(slices=2))
    damaged, whole = (row.file_key for row in rows(db, Instance))
    _forget(db)
    path = store.path(damaged)
    path.write_bytes(meta + path.read_bytes()[400:] if meta else b"")
    assert index_unrowed(db, store, settings) == 1
    assert [row.file_key for row in rows(db, Instance)] == [whole]
    assert list(store.keys("quarantine/")) == [f"quarantine/{damaged}"]


def test_a_file_that_cannot_be_read_stays_for_the_next_look_and_the_others_are_indexed(
    db, store, settings, intake_of, monkeypatch
):
    with intake_of() as intake:
        send(intake, a_series(slices=2))
    first, second = (row.file_key for row in rows(db, Instance))
    _forget(db)
    read_meta = reindex.read_meta

    def fail_on_the_first(file):
        if file.name == str(store.path(first)):
            raise OSError(5, "Input/output error")
        return read_meta(file)

    with monkeypatch.context() as patch:
        patch.setattr(reindex, "read_meta", fail_on_the_first)
        assert index_unrowed(db, store, settings) == 1
    assert [row.file_key for row in rows(db, Instance)] == [second]
    assert list(store.keys("quarantine/")) == []
    assert index_unrowed(db, store, settings) == 1
    assert {row.file_key for row in rows(db, Instance)} == {first, second}


def test_files_without_a_row_are_looked_for_again_once_the_database_is_back(
    store, settings, tmp_path, sqlite_template, monkeypatch
):
    """They are looked for when a receiver starts; here the database's folder is not mounted yet."""
    folder, elsewhere = tmp_path / "mounted", tmp_path / "elsewhere"
    folder.mkdir()
    shutil.copyfile(sqlite_template, folder / "node.db")
    tried = []

    def look(*arguments):
        tried.append(1)
        return index_unrowed(*arguments)

    monkeypatch.setattr(indexer, "TRY_AGAIN_S", 0.05)
    monkeypatch.setattr(indexer, "index_unrowed", look)
    with opened(f"sqlite:///{folder / 'node.db'}") as db:
        intake = in_process(db, store, settings)
        send(intake, a_series(slices=2))
        intake.close()
        _forget(db)
        index = indexer.Indexer(db, store, settings)
        db.close()
        folder.rename(elsewhere)
        index.rescan()
        wait_until(lambda: len(tried) > 1)
        elsewhere.rename(folder)
        wait_until(lambda: len(rows(db, Instance)) == 2)
        assert index.finish(30)


def test_the_same_again_is_answered_after_the_folder_of_its_file_is_synced(
    store, intake_of, monkeypatch
):
    """Another association may have named the file a moment ago and not be done yet."""
    (image,) = a_series(slices=1)
    synced = []
    fsync = os.fsync

    def watch(descriptor):
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    with intake_of() as intake:
        send(intake, [image])
        folder = store.path(next(iter(store.keys("received/")))).parent
        monkeypatch.setattr(os, "fsync", watch)
        association = an_association(2)
        intake.begin(association)
        assert take(intake, incoming(image, association)) == Status.SUCCESS
        assert folder in synced


def _forget(db):
    """Lose every row of what was received."""
    with db.begin() as session:
        for table in (Instance, Series, Study):
            session.query(table).delete()


def test_what_is_on_its_way_to_the_index_is_not_taken_for_lost(db, store, settings, intake_of):
    began = time.time() - 60
    with intake_of() as intake:
        send(intake, a_series(slices=2))
    _forget(db)
    assert index_unrowed(db, store, settings, began) == 0
    assert index_unrowed(db, store, settings, time.time() + 1) == 2


def test_practice_leaves_nothing(db, settings):
    practise(db, settings)
    assert [rows(db, table) for table in (Association, Study, Series, Instance)] == [[]] * 4


def test_what_is_told_twice_in_one_breath_has_one_row(db, store, settings, monkeypatch):
    """As after an indexer that is started again asks for all that it may not have written."""
    told = []
    monkeypatch.setattr(Indexer, "put", lambda _self, item: told.append(item))
    intake = in_process(db, store, settings)
    send(intake, a_series(slices=2))
    with db.begin() as session:
        arrivals = [item for item in told if isinstance(item, Arrival)]
        IndexRows(session, settings, may_audit=True).add([*arrivals, *arrivals])
    assert len(rows(db, Instance)) == 2
    intake.close()


def test_each_damaged_file_of_one_instance_is_kept_in_quarantine(db, store, settings, intake_of):
    """Not only the last: they may be damaged in different places."""
    (image,) = a_series(slices=1)
    damaged = []
    for number in (1, 2, 3):
        with intake_of() as intake:
            send(intake, [image], an_association(number))
        (row,) = rows(db, Instance)
        path = store.path(row.file_key)
        damaged.append(path.read_bytes()[:-number])
        path.write_bytes(damaged[-1])
        _forget(db)
        assert index_unrowed(db, store, settings) == 0
    kept = [store.path(key).read_bytes() for key in store.keys("quarantine/")]
    assert sorted(kept) == sorted(damaged)


def test_a_peer_s_priority_and_quiet_period_are_the_study_s(db, store, tmp_path):
    peer = PeerSection(ae_title="SCANNER", priority="stat", settle_after_s=3)
    settings = settings_for(tmp_path).model_copy(update={"peers": {"ct": peer}})
    intake = in_process(db, store, settings)
    send(intake, a_series(slices=1))
    intake.close()
    (study,) = rows(db, Study)
    assert (study.priority, study.settle_after_s) == (100, 3)


def test_two_receivers_fill_one_study_together(db, store, settings, intake_of):
    images = a_series(slices=40)
    with intake_of() as one, intake_of() as two:
        associations = [an_association(1), an_association(2)]
        for intake, association in zip((one, two), associations, strict=True):
            intake.begin(association)
        for index, image in enumerate(images):
            turn = index % 2
            request = incoming(image, associations[turn])
            assert take((one, two)[turn], request) == Status.SUCCESS
        one.end(associations[0], "released")
        two.end(associations[1], "released")
    assert len(rows(db, Study)) == len(rows(db, Series)) == 1
    assert len(rows(db, Instance)) == 40
    assert [event[3] for event in events(db)] == ["20 instances received"] * 2
    assert verify(db, db.head_file) == 2
