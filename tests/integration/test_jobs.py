"""Jobs from the queue to their published results, on both databases, in real slots."""

from __future__ import annotations

import errno
import os
import signal
import threading
from datetime import UTC, datetime

import pytest
from pydicom import dcmread

from dicom_node.jobs import publish as publish_module
from dicom_node.jobs.engine_local import LocalEngine
from dicom_node.jobs.orders import cancel_job, rerun_job
from dicom_node.jobs.run import run_job
from dicom_node.observe.health import DiskGauge
from storage.audit import list_events
from storage.db.tables import Delivery, Job, Output
from storage.errors import UnknownTransition
from storage.lifecycle import advance
from tests.builders import CANARY, a_series
from tests.jobs import WarmSlot, job_settings, some_works, warm_children
from tests.receiving import wait_until
from tests.unit.storage.rows import AUDIT


@pytest.fixture(autouse=True, scope="module")
def stubs():
    with warm_children():
        yield


@pytest.fixture
def settings(tmp_path):
    return job_settings(tmp_path / "data", max_attempts=3)


@pytest.fixture
def works(db, store, settings):
    with some_works(db, store, settings) as all_of_it:
        yield all_of_it


def test_a_job_ends_with_outputs_in_the_store_a_delivery_and_a_verified_trail(works):
    job_id = works.add(works.receive())
    works.engine.serve(works.slots)

    job = works.wait_for(job_id)

    assert ("succeeded", 1, 1.0, "1") == (
        job.state, job.attempt, job.progress, job.pipeline_version,
    )  # fmt: skip
    outputs = works.outputs(job_id)
    assert 3 == len(outputs)
    for output in outputs:
        assert "released" == output.state
        image = dcmread(works.bench.store.path(output.file_key))
        assert (output.sop_uid, output.series_uid) == (
            image.SOPInstanceUID,
            image.SeriesInstanceUID,
        )
        assert "2.25.1" == image.DeviceUID
        assert [("PACS", "queued")] == [(one.destination, one.state) for one in works.deliveries()]
    assert [None] == wait_until(lambda: works.published)
    assert works.verify_trail() > 5
    assert [] == list(works.bench.settings.work_folder.iterdir())


def test_each_transition_of_a_job_has_one_audit_row_and_so_have_its_outputs_together(works):
    """However many slices there are; the row tells how many, of which series and class."""
    job_id = works.add(works.receive())
    works.engine.serve(works.slots)
    works.wait_for(job_id)

    with works.db.read() as session:
        rows = list_events(session, limit=100)
    texts = [row.text for row in reversed(rows) if row.subject == f"job:{job_id}"]
    assert [
        f"job {job_id} stub-enhance: attempt 1 on cpu-0",
        f"job {job_id} stub-enhance: succeeded: 3 new outputs, 0 unchanged",
        f"job {job_id} stub-enhance: released: 3 enhanced outputs",
    ] == texts
    outputs = works.outputs(job_id)
    assert {
        "pid": os.getpid(),
        "pipeline": "stub-enhance",
        "kind": "enhanced",
        "series": {outputs[0].series_uid: 3},
        "sop_classes": {outputs[0].sop_class_uid: 3},
    } == rows[0].detail
    assert outputs[0].series_uid != outputs[0].sop_class_uid


def test_the_same_input_again_sends_nothing_twice(works):
    series = works.receive()
    first = works.add(series)
    works.engine.serve(works.slots)
    works.wait_for(first)
    again = works.add(series)

    assert "succeeded" == works.wait_for(again).state

    assert [] == works.outputs(again)
    assert 3 == works.count(Output)
    assert 1 == works.count(Delivery)


def test_changed_input_gives_a_new_series_that_names_the_one_it_replaces(works):
    series = works.receive()
    first = works.add(series)
    works.engine.serve(works.slots)
    works.wait_for(first)
    works.receive(a_series(slices=4)[3:])  # a late slice
    second = works.add(series)
    works.wait_for(second)

    old, new = works.outputs(first)[0], works.outputs(second)[0]
    image = dcmread(works.bench.store.path(new.file_key))
    assert 4 == len(works.outputs(second))
    assert old.series_uid != new.series_uid
    assert old.series_uid in str(image)
    assert dcmread(works.bench.store.path(old.file_key)).SeriesNumber < image.SeriesNumber


@pytest.mark.parametrize("broken", ["missing", "damaged"])
def test_a_result_that_cannot_be_read_blocks_no_later_job_of_its_study(works, broken):
    series = works.receive()
    first = works.add(series)
    works.engine.serve(works.slots)
    works.wait_for(first)
    for output in works.outputs(first):
        path = works.bench.store.path(output.file_key)
        path.unlink()
        if broken == "damaged":
            path.write_bytes(bytes(1000))
    works.receive(a_series(slices=4)[3:])  # a late slice

    second = works.wait_for(works.add(series))

    assert ("succeeded", 1) == (second.state, second.attempt)


def test_a_refused_job_keeps_the_reason_and_is_not_retried(works):
    job_id = works.add(works.receive(), act="refuse")
    works.engine.serve(works.slots)

    job = works.wait_for(job_id)

    assert ("refused", 1, "wrong-part", "The stub refuses everything.") == (
        job.state, job.attempt, job.reason_code, job.reason,
    )  # fmt: skip


def test_a_crash_is_retried_and_the_result_is_there_once(works, tmp_path):
    job_id = works.add(works.receive(), act="crash", once=str(tmp_path / "crashed"))
    works.engine.serve(works.slots)

    job = works.wait_for(job_id)

    assert ("succeeded", 2) == (job.state, job.attempt)
    assert 3 == works.count(Output)


def test_prv_a_job_that_breaks_every_time_fails_after_three_tries_and_tells_no_value(works, capfd):
    job_id = works.add(works.receive(), act="break")
    works.engine.serve(works.slots)

    job = works.wait_for(job_id)

    assert ("failed", 3, "RuntimeError") == (job.state, job.attempt, job.reason_code)
    assert CANARY not in job.reason
    assert CANARY not in capfd.readouterr().err


def test_an_overlong_job_is_killed_and_retried(db, store, tmp_path):
    settings = job_settings(tmp_path / "data", timeout_s=0.5, max_attempts=1)
    with some_works(db, store, settings) as works:
        job_id = works.add(works.receive(), act="sleep")
        works.engine.serve(works.slots)

        job = works.wait_for(job_id)

    assert ("failed", "timed-out") == (job.state, job.reason_code)


def test_a_stat_job_overtakes_what_waits(works):
    series = works.receive()
    routine = [works.add(series, seconds=float(number)) for number in range(3)]
    stat = works.add(series, "stub-segment", priority=100)
    urgent = works.add(series, seconds=9.0, priority=50)
    works.engine.serve(works.slots)

    jobs = [works.wait_for(job_id) for job_id in [*routine, stat, urgent]]

    order = [job.id for job in sorted(jobs, key=lambda job: job.started_at)]
    assert [stat, urgent, *routine] == order


def test_a_running_job_is_cancelled_by_killing_its_slot(works):
    job_id = works.add(works.receive(), act="sleep")
    works.engine.serve(works.slots)
    works.wait_for(job_id, "running")
    wait_until(lambda: works.slots[0].label)

    with works.db.begin() as session:
        works.engine.cancel(session, job_id, actor="user:a")

    assert "cancelled" == works.job(job_id).state
    wait_until(lambda: works.slots[0].label is None)
    assert "cancelled" == works.job(job_id).state


def test_a_running_job_cancelled_by_another_process_is_killed_too(works):
    job_id = works.add(works.receive(), act="sleep")
    works.engine.serve(works.slots)
    works.wait_for(job_id, "running")
    wait_until(lambda: works.slots[0].label)

    with works.db.begin() as session:  # as `dicom-node jobs cancel` does
        cancel_job(session, job_id, actor="terminal:a")

    wait_until(lambda: works.slots[0].label is None)
    assert "cancelled" == works.job(job_id).state


def test_a_queued_job_is_cancelled_and_an_ended_one_is_not(works):
    job_id = works.add(works.receive())

    with works.db.begin() as session:
        works.engine.cancel(session, job_id)

    assert "cancelled" == works.job(job_id).state
    with works.db.begin() as session, pytest.raises(UnknownTransition):
        works.engine.cancel(session, job_id)


def test_a_failed_job_ordered_to_run_again_has_all_its_tries(works):
    job_id = works.add(works.receive(), act="break")
    works.engine.serve(works.slots)
    works.wait_for(job_id)

    with works.db.begin() as session:
        job = rerun_job(session, job_id, actor="user:a")
        works.engine.enqueue(session, job)

    job = wait_until(lambda: job if (job := works.job(job_id)).attempt == 6 else None)
    assert "failed" == works.wait_for(job_id).state


def test_jobs_left_running_by_an_earlier_life_are_queued_again(works):
    job_id = works.add(works.receive())
    _leave_running(works, job_id)
    works.engine.serve(works.slots)

    job = works.wait_for(job_id)

    assert ("succeeded", 2) == (job.state, job.attempt)


def test_a_job_left_running_for_the_third_time_fails(works):
    job_id = works.add(works.receive())
    for _ in range(3):
        _leave_running(works, job_id)
        again = LocalEngine(works.bench, DiskGauge(works.bench.settings))
        again.serve([])
        again.stop(0)
    job = works.wait_for(job_id)

    assert ("failed", 3, "worker-lost") == (job.state, job.attempt, job.reason_code)


def test_a_stale_attempt_publishes_nothing_and_removes_only_its_own_folder(works):
    job_id = works.add(works.receive(), act="sleep", seconds=2.0)
    slot = works.slots[0]
    thread = threading.Thread(target=run_job, args=(job_id, slot, works.bench))
    thread.start()
    wait_until(lambda: slot.label)
    _take_over(works, job_id)
    other = works.bench.settings.work_folder / f"job-{job_id}-2"
    other.mkdir()
    thread.join(30)

    assert 0 == works.count(Output)
    assert ("running", 2) == (works.job(job_id).state, works.job(job_id).attempt)
    assert [other] == list(works.bench.settings.work_folder.iterdir())


def test_a_publish_that_breaks_half_way_leaves_no_row_and_the_next_attempt_publishes_once(
    works, monkeypatch
):
    """Files renamed into the store without a row are replaced under the same derived UIDs."""
    keep = publish_module._keep
    calls = []

    def break_at_the_second(*arguments):
        calls.append(1)
        if len(calls) == 2:
            raise OSError(errno.EIO, "Input/output error")
        return keep(*arguments)

    monkeypatch.setattr(publish_module, "_keep", break_at_the_second)
    job_id = works.add(works.receive())
    works.engine.serve(works.slots)

    job = works.wait_for(job_id)

    assert ("succeeded", 2) == (job.state, job.attempt)
    files = list(works.bench.store.keys("results/"))
    assert sorted(output.file_key for output in works.outputs(job_id)) == sorted(files)
    assert 3 == len(files)


def test_a_publish_without_room_leaves_nothing_and_its_tries_do_not_count(works, monkeypatch):
    keep = publish_module._keep
    calls = []
    left = []

    def find_no_room(session, *arguments):
        calls.append(1)
        left.append(list(works.bench.store.keys("results/")))
        if len(calls) % 2 == 0 and len(calls) < 12:  # the second file of each of five attempts
            raise OSError(errno.ENOSPC, "No space left on device")
        return keep(session, *arguments)

    monkeypatch.setattr(publish_module, "_keep", find_no_room)
    job_id = works.add(works.receive())
    works.engine.serve(works.slots)

    job = works.wait_for(job_id)

    assert "succeeded" == job.state
    assert [0, 1] * 5 == [len(files) for files in left[:10]], "each attempt finds none, leaves none"
    assert 3 == len(works.outputs(job_id)) == len(list(works.bench.store.keys("results/")))
    assert works.verify_trail()


def test_a_try_that_found_no_room_is_followed_by_a_whole_round_of_tries(works, monkeypatch):
    faults = iter([errno.ENOSPC, errno.EIO, errno.EIO, errno.EIO])

    def break_(*_arguments):
        raise OSError(next(faults), "")

    monkeypatch.setattr(publish_module, "_keep", break_)
    job_id = works.add(works.receive())
    works.engine.serve(works.slots)

    job = works.wait_for(job_id)

    assert ("failed", 6, "OSError") == (job.state, job.attempt, job.reason_code)


def test_a_pipeline_that_finds_no_room_is_not_broken(works, tmp_path):
    once = tmp_path / "once"
    job_id = works.add(works.receive(), act="no-room", once=str(once))
    works.engine.serve(works.slots)

    job = works.wait_for(job_id)

    assert ("succeeded", 4) == (job.state, job.attempt)
    with works.db.read() as session:
        texts = [row.text for row in list_events(session, limit=100, subject=f"job:{job_id}")]
    assert any("does not count: there was no room on the disk" in text for text in texts)


def test_no_job_is_started_while_the_disk_is_tight(works, monkeypatch):
    from dicom_node.observe import health

    free_mb = [0]
    looks = []

    def space(_folder):
        looks.append(1)
        return free_mb[0], 100, 100

    monkeypatch.setattr(health, "_space", space)
    job_id = works.add(works.receive())
    works.engine.serve(works.slots)
    wait_until(lambda: len(looks) > 3)
    assert ("queued", 0) == (works.job(job_id).state, works.job(job_id).attempt)

    free_mb[0] = 100_000

    assert ("succeeded", 1) == (works.wait_for(job_id).state, works.job(job_id).attempt)


def test_two_slots_share_the_queue_and_each_job_runs_once(db, store, tmp_path):
    settings = job_settings(tmp_path / "data", slots=["cpu", "cpu"])
    with some_works(db, store, settings) as works:
        series = works.receive()
        jobs = [works.add(series, seconds=float(number)) for number in range(6)]
        works.engine.serve(works.slots)
        ended = [works.wait_for(job_id) for job_id in jobs]

    assert {("succeeded", 1)} == {(job.state, job.attempt) for job in ended}
    assert {"cpu-0", "cpu-1"} == {job.worker.rpartition(":")[2] for job in ended}


def test_a_slot_killed_while_it_idles_is_replaced_for_the_next_job(works):
    series = works.receive()
    first = works.add(series)
    works.engine.serve(works.slots)
    works.wait_for(first)
    os.kill(works.slots[0].pid, signal.SIGKILL)
    wait_until(lambda: works.slots[0].pid is None)  # a signal takes its time to kill

    second = works.wait_for(works.add(series, "stub-segment"))

    assert ("succeeded", 1) == (second.state, second.attempt)


def test_clean_stops_leave_the_running_job_for_the_next_start_and_are_no_attempts(works):
    """As many as an attempt may fail, and one more."""
    job_id = works.add(works.receive(), act="sleep", seconds=60.0)
    for number in range(4):
        engine, slot = (
            LocalEngine(works.bench, DiskGauge(works.bench.settings)),
            WarmSlot(f"cpu-{number}", "cpu"),
        )
        engine.serve([slot])
        works.wait_for(job_id, "running")
        wait_until(lambda one=slot: one.label)
        engine.stop(grace_s=0.1)
        job = works.job(job_id)
        assert ("queued", "node-stopped") == (job.state, job.reason_code)
        assert 3 * (number + 1) == job.attempt  # the next one is the first of a round of three

    assert [] == list(works.bench.settings.work_folder.iterdir())
    with works.db.read() as session:
        texts = [row.text for row in list_events(session, limit=100)]
    assert 4 == sum("does not count: the node was stopped" in text for text in texts)


def test_a_job_that_a_clean_stop_interrupted_succeeds_at_the_next_start(works, tmp_path):
    once = tmp_path / "slept"
    job_id = works.add(works.receive(), act="sleep", once=str(once))
    works.engine.serve(works.slots)
    wait_until(once.exists)
    works.engine.stop(grace_s=0.1)

    again = LocalEngine(works.bench, DiskGauge(works.bench.settings))
    again.serve([WarmSlot("cpu-1", "cpu")])

    assert ("succeeded", 4) == (works.wait_for(job_id).state, works.job(job_id).attempt)
    assert 3 == works.count(Output)
    again.stop(0)


def test_a_job_that_a_clean_stop_interrupted_has_all_its_tries(works, tmp_path):
    once = tmp_path / "slept"
    job_id = works.add(works.receive(), act="sleep", once=str(once), seconds=60.0)
    works.engine.serve(works.slots)
    wait_until(once.exists)
    works.engine.stop(grace_s=0.1)
    with works.db.begin() as session:
        works_job = session.get_one(Job, job_id)
        works_job.parameters = {"act": "break"}

    again = LocalEngine(works.bench, DiskGauge(works.bench.settings))
    again.serve([WarmSlot("cpu-1", "cpu")])

    assert ("failed", 6) == (works.wait_for(job_id).state, works.job(job_id).attempt)
    again.stop(0)


def test_a_job_without_destinations_keeps_its_results_on_the_node(works):
    job_id = works.add(works.receive(), destinations=[])
    works.engine.serve(works.slots)
    works.wait_for(job_id)

    assert 3 == works.count(Output)
    assert 0 == works.count(Delivery)


def _leave_running(works, job_id: int) -> None:
    """What a node that is killed leaves behind."""
    with works.db.begin() as session:
        job = session.get_one(Job, job_id)
        advance(
            session, job, "claim", audit=AUDIT,
            attempt=job.attempt + 1, worker="host:cpu-0", started_at=datetime.now(UTC),
        )  # fmt: skip


def _take_over(works, job_id: int) -> None:
    """As another worker does that believes this one dead."""
    with works.db.begin() as session:
        job = session.get_one(Job, job_id)
        advance(session, job, "retry", audit=AUDIT)
    _leave_running(works, job_id)


def test_a_job_waits_while_its_study_grows_again(works):
    study = works.receive(a_series(slices=3, key="b"))
    waiting = works.add(study)
    works.reopen(study[0])
    works.engine.serve(works.slots)

    later = works.add(works.receive(a_series(slices=3, key="c")))
    works.wait_for(later, "succeeded")

    assert "queued" == works.job(waiting).state
    works.decide(study[0])
    assert "succeeded" == works.wait_for(waiting, "succeeded").state
