"""When a study is complete, and the jobs that it gets, on both databases."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from dicom_node.config import Settings
from dicom_node.intake.settle import settle_due
from dicom_node.intake.transfer_audit import LOST_AFTER_S
from dicom_node.routing.rule import load_rules
from storage.audit import list_events, study_event, verify
from storage.db.tables import Association, Decision, Instance, Job, Study
from storage.lifecycle import advance
from tests.builders import a_series
from tests.receiving import (
    an_association,
    in_process,
    incoming,
    settings_for,
    take,
    wait_until,
)

PIPELINES = ("ct-denoise", "ct-segment")
RULES = """
rules:
  - name: ct
    match:
      Modality: CT
    run: [ct-denoise, ct-segment]
"""


@pytest.fixture
def rules(tmp_path):
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "rules.yaml").write_text(RULES)
    return load_rules(folder, pipelines=PIPELINES, destinations=())


class Bench:
    """A node's reception and settling, by hand."""

    def __init__(self, db, store, settings, rules):
        self.db, self.store, self.settings, self.rules = db, store, settings, rules
        self.enqueued: list[int] = []
        self.number = 0

    def receive(self, *images, outcome="released", **changes):
        """Take images over an association of their own and index them."""
        self.number += 1
        association = replace(an_association(self.number), **changes)
        intake = in_process(self.db, self.store, self.settings)
        intake.begin(association)
        for image in images:
            assert take(intake, incoming(image, association)) == 0
        if outcome:
            intake.end(association, outcome)
        intake.close()

    def settle(self, after_s: float = 0.0) -> list[int]:
        """What settles `after_s` from now."""
        now = datetime.now(UTC) + timedelta(seconds=after_s)
        return settle_due(self.db, self.settings, self.rules, self._enqueue, now)

    def _enqueue(self, session, job):
        assert session.in_transaction()
        self.enqueued.append(job.id)

    def all(self, table):
        """Every row of a table."""
        with self.db.read() as session:
            return list(session.scalars(select(table).order_by(*table.__table__.primary_key)))

    def move(self, job_id, *events):
        """Take a job through its states."""
        with self.db.begin() as session:
            job = session.get(Job, job_id)
            study = session.get(Study, job.study_id)
            for event in events:
                audit = study_event(study, "110103", "U", actor="node", text=event)
                advance(session, job, event, audit=audit)


@pytest.fixture
def bench(db, store, tmp_path, rules):
    return Bench(db, store, settings_for(tmp_path), rules)


def test_a_study_settles_is_decided_and_gets_its_jobs_in_one_step(bench):
    bench.receive(*a_series(slices=3))
    assert bench.settle() == [1]
    (study,), (decision,), jobs = bench.all(Study), bench.all(Decision), bench.all(Job)
    assert (study.state, study.revision, decision.revision) == ("routed", 1, 1)
    assert [(job.pipeline, job.state, job.revision) for job in jobs] == [
        ("ct-denoise", "queued", 1),
        ("ct-segment", "queued", 1),
    ]
    assert bench.enqueued == [job.id for job in jobs]
    assert jobs[0].input_key != jobs[1].input_key
    assert decision.explanation[0]["verdict"] == "runs"
    assert bench.settle() == []
    assert verify(bench.db, bench.db.head_file) > 0


def test_a_study_that_no_rule_wants_is_unmatched_and_says_why(bench):
    bench.receive(*a_series("US", slices=1))
    assert bench.settle() == [1]
    assert bench.all(Study)[0].state == "unmatched"
    assert bench.all(Job) == []
    assert bench.all(Decision)[0].explanation[0]["verdict"] == "no rule"


def test_each_study_waits_for_its_own_quiet_period(db, store, tmp_path, rules):
    bench = Bench(db, store, settings_for(tmp_path, settle_after_s=30), rules)
    bench.receive(*a_series(slices=1))
    (study,) = bench.all(Study)

    def settle(quiet_s: float) -> list[int]:
        now = study.last_received_at + timedelta(seconds=quiet_s)
        return settle_due(db, bench.settings, rules, bench._enqueue, now)

    assert settle(quiet_s=0) == []
    assert settle(quiet_s=29.9) == []
    assert settle(quiet_s=30.1) == [1]


def test_a_study_does_not_settle_while_an_association_still_fills_it(bench):
    bench.receive(a_series(slices=1)[0], outcome=None)
    bench.receive(*a_series(slices=1, key="other"))
    assert bench.settle(after_s=1) == [2]
    assert bench.all(Study)[0].state == "receiving"


def test_an_association_of_a_dead_receiver_does_not_block_for_ever(bench):
    bench.receive(a_series(slices=1)[0], outcome=None)
    assert bench.settle(after_s=LOST_AFTER_S + 1) == [1]
    assert bench.all(Association)[0].outcome == "lost"
    assert bench.all(Study)[0].incomplete == "an association was lost after 1 instance"
    with bench.db.read() as session:
        (row,) = list_events(session, limit=10, event="110104")
    assert "lost" in row.text


def test_a_receiver_that_a_full_disk_kept_from_saying_so_is_not_dead(bench):
    bench.receive(a_series(slices=1)[0], outcome=None)
    now = datetime.now(UTC) + timedelta(seconds=LOST_AFTER_S + 2)

    def settle(full_s_ago):
        full_until = now - timedelta(seconds=full_s_ago)
        return settle_due(bench.db, bench.settings, bench.rules, bench._enqueue, now, full_until)

    assert settle(full_s_ago=1) == []
    assert bench.all(Association)[0].outcome == "open"
    assert settle(full_s_ago=LOST_AFTER_S + 1) == [1]
    assert bench.all(Association)[0].outcome == "lost"


def test_a_living_association_that_was_called_lost_is_open_again_and_its_study_not_flagged(bench):
    first, second, third = a_series(slices=3)
    association = an_association()
    intake = in_process(bench.db, bench.store, bench.settings)
    intake.begin(association)
    for image in (first, second):
        assert take(intake, incoming(image, association)) == 0
    wait_until(lambda: len(bench.all(Instance)) == 2)
    assert bench.settle(after_s=LOST_AFTER_S + 1) == [1]
    assert bench.all(Association)[0].outcome == "lost"

    wait_until(lambda: intake.show_life() or bench.all(Association)[0].outcome == "open")

    assert bench.all(Association)[0].ended_at is None
    assert bench.all(Study)[0].incomplete == ""
    assert take(intake, incoming(third, association)) == 0
    intake.end(association, "released")
    intake.close()
    assert bench.all(Association)[0].outcome == "released"
    assert bench.all(Study)[0].incomplete == ""
    with bench.db.read() as session:
        texts = [row.text for row in list_events(session, limit=10, event="110104")]
    assert texts == [
        "3 instances received",
        "the association lives and goes on: it was called lost too early",
        "2 instances received; the association was lost",
    ]
    assert verify(bench.db, bench.db.head_file) == 6


def test_what_is_found_alive_keeps_an_older_flag_of_its_study(bench):
    """It heals only what its own loss had said."""
    (image,) = a_series(slices=1)
    intake = in_process(bench.db, bench.store, bench.settings)
    intake.begin(an_association())
    assert take(intake, incoming(image)) == 0
    wait_until(lambda: bench.all(Association))
    bench.settle(after_s=LOST_AFTER_S + 1)
    with bench.db.begin() as session:
        session.get_one(Study, 1).incomplete = "an association was aborted after 2 instances"

    wait_until(lambda: intake.show_life() or bench.all(Association)[0].outcome == "open")

    assert bench.all(Study)[0].incomplete == "an association was aborted after 2 instances"
    intake.close()


def test_no_association_is_lost_by_a_look_that_had_to_wait_for_its_own_turn(bench):
    """Receivers had to wait as well, such as while a large result was published."""
    bench.receive(a_series(slices=1)[0], outcome=None)
    seen_at = bench.all(Association)[0].seen_at
    late = (seen_at - datetime.now(UTC)).total_seconds() + LOST_AFTER_S + 0.1
    held, free = threading.Event(), threading.Event()

    def publish():
        with bench.db.begin() as session:
            session.connection()
            held.set()
            free.wait(30)

    publisher = threading.Thread(target=publish)
    publisher.start()
    assert held.wait(30)
    threading.Timer(1.0, free.set).start()
    assert bench.settle(after_s=late) == []
    publisher.join()
    assert bench.all(Association)[0].outcome == "open"
    assert bench.settle(after_s=late) == [1]


def test_an_association_that_was_idle_before_its_first_instance_is_not_lost(bench):
    """It counts from when its row is written, not from when it was opened."""
    old = replace(an_association(), started_at=datetime.now(UTC) - timedelta(minutes=1))
    intake = in_process(bench.db, bench.store, bench.settings)
    intake.begin(old)
    assert take(intake, incoming(a_series(slices=1)[0], old)) == 0
    intake.close()
    assert bench.settle() == []
    assert bench.all(Association)[0].outcome == "open"


def test_a_late_instance_runs_again_only_what_it_touches(bench):
    first = a_series(slices=2)
    second = a_series(slices=2, series=2)
    bench.receive(*first, *second)
    bench.settle()
    before = [job.id for job in bench.all(Job)]
    for job_id in before:
        bench.move(job_id, "claim", "publish")
    bench.receive(*a_series(slices=3)[2:])
    assert bench.settle() == [1]
    (study,), jobs = bench.all(Study), bench.all(Job)
    assert (study.state, study.revision) == ("routed", 2)
    new = [job for job in jobs if job.id not in before]
    assert {(job.series_id, job.pipeline) for job in new} == {(1, name) for name in PIPELINES}
    assert {job.revision for job in new} == {2}
    assert bench.enqueued == before + [job.id for job in new]


def test_a_queued_job_gives_way_to_the_newer_revision_s(bench):
    bench.receive(*a_series(slices=2))
    bench.settle()
    bench.receive(*a_series(slices=3)[2:])
    bench.settle()
    states = [(job.revision, job.state) for job in bench.all(Job)]
    assert states == [(1, "cancelled")] * 2 + [(2, "queued")] * 2
    assert bench.all(Job)[0].reason == "superseded by revision 2"


@pytest.mark.parametrize(
    ("events", "jobs"),
    [
        ((), 2),
        (("claim",), 2),
        (("claim", "publish"), 2),
        (("claim", "refuse"), 2),
        (("claim", "fail"), 3),
        (("cancel",), 3),
    ],
)
def test_unchanged_input_runs_again_only_where_it_failed(bench, events, jobs):
    bench.receive(*a_series(slices=2))
    bench.settle()
    bench.move(1, *events)
    bench.receive(*a_series("US", slices=1, series=2))
    assert bench.settle() == [1]
    assert len(bench.all(Job)) == jobs


def test_a_correction_makes_a_new_revision_and_new_jobs(bench):
    bench.receive(*a_series(slices=2))
    bench.settle()
    bench.receive(*a_series(slices=2, PatientID="CORRECTED"))
    assert bench.settle() == [1]
    assert bench.all(Study)[0].revision == 2
    assert [job.state for job in bench.all(Job)] == ["cancelled"] * 2 + ["queued"] * 2


def test_a_quarantined_study_does_not_settle(bench):
    (image,) = a_series(slices=1)
    bench.receive(image)
    bench.receive(*a_series(slices=1, PixelData=bytes(len(image.PixelData))))
    assert bench.settle(after_s=60) == []
    assert bench.all(Job) == []


def test_enh_28_no_rule_runs_on_own_results(bench):
    bench.receive(*a_series(slices=1, ManufacturerModelName="dicom-node"))
    assert bench.settle() == [1]
    assert bench.all(Study)[0].state == "unmatched"
    assert bench.all(Decision)[0].explanation[0]["verdict"] == "own result"


def test_what_is_urgent_settles_and_runs_first(bench):
    bench.receive(*a_series(slices=1, key="routine"))
    bench.receive(*a_series(slices=1, key="stat", RequestedProcedurePriority="STAT"))
    assert bench.settle() == [2, 1]
    assert {job.study_id: job.priority for job in bench.all(Job)} == {2: 100, 1: 0}


def test_a_failure_leaves_the_study_as_it_was(bench, monkeypatch):
    bench.receive(*a_series(slices=1))

    def break_down(_session, _job):
        raise RuntimeError("the engine is gone")

    monkeypatch.setattr(bench, "_enqueue", break_down)
    with pytest.raises(RuntimeError):
        bench.settle()
    assert bench.all(Study)[0].state == "receiving"
    assert (bench.all(Decision), bench.all(Job)) == ([], [])


def with_titles(tmp_path):
    """Settings of a node that only stores as ARCHIVE and is quick and urgent as STAT."""
    peers = {
        name: {"ae_title": name, "host": "127.0.0.1", "port": 104, "is_destination": name == "PACS"}
        for name in ("PACS", "EMERGENCY")
    }
    titles = {
        "archive": {"ae_title": "ARCHIVE", "process": False, "settle_after_s": 60},
        "stat": {
            "ae_title": "STAT",
            "priority": "stat",
            "settle_after_s": 1,
            "destinations": ["EMERGENCY"],
        },
    }
    plain = settings_for(tmp_path, settle_after_s=10).model_dump()
    return Settings.model_validate({**plain, "peers": peers, "titles": titles})


def test_net_06_studies_under_another_ae_title_are_treated_as_it_says(db, store, tmp_path, rules):
    bench = Bench(db, store, with_titles(tmp_path), rules)
    bench.receive(*a_series(slices=1, key="usual"), called_aet="DICOM_NODE")
    bench.receive(*a_series(slices=1, key="archive"), called_aet="ARCHIVE")
    bench.receive(*a_series(slices=1, key="stat"), called_aet="STAT")
    assert [bench.settle(after_s=seconds) for seconds in (2, 11, 59, 61)] == [[3], [1], [], [2]]

    states = {study.id: (study.state, study.priority) for study in bench.all(Study)}
    assert states == {1: ("routed", 0), 2: ("unmatched", 0), 3: ("routed", 100)}
    jobs = {(job.study_id, job.priority, *job.destinations) for job in bench.all(Job)}
    assert jobs == {(1, 0, "PACS"), (3, 100, "EMERGENCY")}
    said = {one.study_id: one.explanation[0] for one in bench.all(Decision)}
    assert (said[2]["verdict"], said[2]["rules"]) == ("stored only", [])
    assert (
        said[2]["reason"] == "received as ARCHIVE: stored only ([titles.archive] process = false)"
    )
    assert "received as STAT: results go to EMERGENCY" in said[3]["reason"]
    assert "received as" not in said[1]["reason"]
    with db.read() as session:
        texts = [row.text for row in list_events(session, limit=50, event="110103")]
    assert "decided: 0 jobs wanted, 0 new; 1 series stored only, by their AE title" in texts


def test_a_peer_s_and_a_title_s_priority_the_higher_one_counts(db, store, tmp_path, rules):
    settings = with_titles(tmp_path).model_dump()
    settings["peers"]["SCANNER"] = {"ae_title": "SCANNER", "priority": "urgent"}
    bench = Bench(db, store, Settings.model_validate(settings), rules)
    bench.receive(*a_series(slices=1, key="usual"), called_aet="DICOM_NODE")
    bench.receive(*a_series(slices=1, key="archive"), called_aet="ARCHIVE")
    bench.receive(*a_series(slices=1, key="stat"), called_aet="STAT")
    assert [study.priority for study in bench.all(Study)] == [50, 50, 100]
