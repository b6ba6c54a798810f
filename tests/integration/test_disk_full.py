"""The node on a real file system that fills up, with a reserve and to the last byte."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import httpx
import numpy as np
import pytest
from pydicom import dcmread
from sqlalchemy import select

from dicom_node.data_folder import open_data_folder
from dicom_node.demo.pacs import free_port, start_pacs
from dicom_node.errors import FolderUnusable
from dicom_node.net.errors import PeerError
from dicom_node.net.scu import echo
from dicom_node.web.auth.accounts import add_account
from storage.audit import list_events
from storage.db.tables import Delivery, Instance, Job
from tests.acceptance.road import Pacs
from tests.builders import a_series, write_series
from tests.integration.web.visitor import PASSWORD, Visitor
from tests.receiving import store_keys, wait_until
from tests.serving import ServedNode, node_toml, opened, serving
from tests.small_disk import MB, Sent, SmallDisk, a_small_disk, send_all
from tests.tools import program

pytestmark = [
    pytest.mark.orthanc,
    # pynetdicom drops the socket of a refused connection without closing it.
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]

STORED, NO_ROOM = 0x0000, 0xA700
SIDE = 512  # half a megabyte an image
LONG_S = 120.0
SAID = {
    "ok": "there is room on the disk again",
    "low": "the disk runs low",
    "tight": "the disk is nearly full: no job is started",
    "full": "the disk is full: nothing is received",
}


@pytest.fixture(scope="module")
def pacs(tmp_path_factory):
    """An own Orthanc on free ports."""
    program("Orthanc", package="orthanc")
    running = start_pacs(tmp_path_factory.mktemp("pacs"))
    yield Pacs(running)
    running.close()


@dataclass
class Scene:
    """A node whose whole data folder is on a small disk, and a person who looks at its page."""

    disk: SmallDisk
    node: ServedNode
    pacs: Pacs
    folder: Path
    person: Visitor
    said: Counter[str] = field(default_factory=Counter)

    @property
    def port(self) -> int:
        return self.node.settings.receive.port

    @property
    def data(self) -> Path:
        return self.node.settings.node.data_folder

    def study(self, key: str, slices: int) -> Path:
        """A folder with a new study."""
        pixels = np.random.default_rng(len(key)).integers(0, 4096, (slices, SIDE, SIDE))
        folder = self.folder / key
        write_series(
            folder, a_series(key=f"{key}-{uuid4().hex[:8]}", pixels=pixels.astype(np.int16))
        )
        return folder

    def studies(self, name: str, *, count: int, slices: int) -> list[Path]:
        return [self.study(f"{name}-{number}", slices) for number in range(count)]

    def verdict(self) -> str:
        """Where on the ladder the node says it is; anybody may ask."""
        return str(httpx.get(f"{self.node.page}/health", trust_env=False).json()["disk"])

    def wait_for_verdict(self, verdict: str) -> None:
        wait_until(lambda: self.verdict() == verdict)
        wait_until(lambda: self.node.said.count(SAID[verdict]) > self.said[verdict])
        self.said[verdict] += 1

    def jobs(self) -> list[Job]:
        with opened(self.node.settings) as db, db.read() as session:
            return list(session.scalars(select(Job).order_by(Job.id)))

    def wait_for_jobs(self, count: int) -> list[Job]:
        return wait_until(lambda: jobs if len(jobs := self.jobs()) >= count else None)

    def serves_on(self) -> None:
        """C-ECHO is answered, and the page shows the node to a person who is logged in."""
        echo(self.node.peer, "TEST", timeout_s=10)
        answer = self.person.get("/node")
        assert 200 == answer.status_code
        assert "The disk is full" in answer.text

    def stored(self, path: Path) -> Path:
        """Where the node keeps what was sent from `path`."""
        sent = dcmread(path, stop_before_pixels=True)
        key = f"{sent.StudyInstanceUID}/{sent.SeriesInstanceUID}/{sent.SOPInstanceUID}.dcm"
        return self.data / "store" / "received" / key

    def has_kept(self, sent: list[Sent]) -> None:
        """Everything acknowledged is there byte for byte, and nothing that was refused."""
        for one in sent:
            assert one.status in (STORED, NO_ROOM), hex(one.status)
            if one.status == STORED:
                assert data_set(one.path) == data_set(self.stored(one.path))

    def is_whole(self, studies: list[Path]) -> None:
        """All studies came back, the index and the trail are whole, and nothing is left over."""
        self.node.wait_until_quiet(instances=sum(len(list(one.iterdir())) for one in studies))
        with opened(self.node.settings) as db, db.read() as session:
            indexed = {f"received/{key}" for key in self._indexed(session)}
            states = set(session.scalars(select(Job.state)))
            deliveries = set(session.scalars(select(Delivery.state)))
        # Jobs on the first part of a study are refused, or give way when the rest has come.
        assert {"succeeded"} == states - {"cancelled", "refused"}
        assert {"sent"} == deliveries
        files = set(store_keys(self.data))
        assert indexed == {key for key in files if key.startswith("received/")}
        for folder in studies:
            uid = str(dcmread(next(folder.iterdir()), stop_before_pixels=True).StudyInstanceUID)
            came_back = {
                (one["MainDicomTags"]["Modality"], len(one["Instances"]))
                for one in self.pacs.series_of_study(uid)
            }
            assert {("CT", len(list(folder.iterdir()))), ("SEG", 1)} <= came_back
        assert self.node.verify_trail() > 10
        assert {"received", "results"} == {key.partition("/")[0] for key in files}, "no parts"
        work = self.node.settings.work_folder
        assert [] == (list(work.iterdir()) if work.exists() else [])
        assert not list(self.data.glob("*.part"))

    def _indexed(self, session) -> list[str]:
        return [key.removeprefix("received/") for key in session.scalars(select(Instance.file_key))]

    def has_told_once(self) -> None:
        """The trail and the log have one line for the beginning and one for the end."""
        with opened(self.node.settings) as db, db.read() as session:
            rows = list_events(session, limit=100, event="110113", subject="disk")
        assert [0, 8] == [row.outcome for row in rows], [row.text for row in rows]
        told = {verdict: self.node.said.count(text) for verdict, text in SAID.items()}
        assert told == {verdict: self.said[verdict] for verdict in SAID}


def data_set(path: Path) -> bytes:
    """What follows the file meta."""
    with path.open("rb") as file:
        file.seek(132 + 8)
        length = int.from_bytes(file.read(4), "little")
        file.seek(length, os.SEEK_CUR)
        return file.read()


@contextmanager
def a_scene(
    folder: Path, pacs: Pacs, *, limits: str, kind: str = "tmpfs", mb: int = 128, rules: str = ""
) -> Iterator[Scene]:
    with a_small_disk(folder / "disk", kind, mb) as disk:
        more = ""
        if rules:
            (folder / "rules").mkdir()
            (folder / "rules" / "stub.yaml").write_text(rules)
            more = f"[rules]\nfolder = {json.dumps(str(folder / 'rules'))}\n"
        toml = node_toml(disk.folder, port=free_port(), pacs=pacs.running.peer, more=more)
        toml = toml.replace("disk_reserve_mb = 1\ndisk_warn_mb = 1\n", limits)
        assert limits in toml
        with serving(folder / "node", toml) as node:
            page = node.page  # the core runs, and has verified the trail
            with opened(node.settings) as db:
                add_account(db, login="alice", password=PASSWORD, role="admin", actor="test")
            with Visitor(page) as person:
                assert 303 == person.log_in("alice").status_code
                yield Scene(disk, node, pacs, folder / "in", person)


def test_dsk_the_ladder_warns_then_pauses_jobs_then_refuses_and_goes_on_by_itself(pacs, tmp_path):
    limits = "disk_reserve_mb = 16\ndisk_pause_mb = 32\ndisk_warn_mb = 48\n"
    with a_scene(tmp_path, pacs, limits=limits) as scene:
        before = scene.study("before", 3)
        (told,) = send_all([before], scene.port)
        assert {STORED} == {one.status for one in told}
        scene.node.wait_until_quiet(instances=3)
        assert "ok" == scene.verdict()

        scene.disk.leave(40)
        scene.wait_for_verdict("low")
        assert "The disk runs low" in scene.person.get("/node").text

        scene.disk.leave(28)
        scene.wait_for_verdict("tight")
        waiting, later = scene.study("waiting", 3), scene.study("later", 3)
        assert {STORED} == {one.status for one in send_all([waiting], scene.port)[0]}
        scene.wait_for_jobs(4)
        # A whole study is received and decided meanwhile: time enough for a job to be started.
        assert {STORED} == {one.status for one in send_all([later], scene.port)[0]}
        jobs = scene.wait_for_jobs(6)
        assert [("queued", 0)] * 4 == [(job.state, job.attempt) for job in jobs[2:]]
        assert "waiting for disk space" in scene.person.get("/jobs").text
        assert "waiting for disk space" in scene.person.get("/node").text

        scene.disk.leave(20)
        flood = scene.studies("flood", count=4, slices=12)  # 24 MB for 4 MB above the reserve
        told = send_all(flood, scene.port)
        scene.wait_for_verdict("full")
        assert 503 == httpx.get(f"{scene.node.page}/health", trust_env=False).status_code
        everything = [one for sender in told for one in sender]
        assert any({STORED, NO_ROOM} == {one.status for one in sender} for sender in told)
        assert scene.disk.free_bytes > 12 * MB, "the reserve remains, but for what was underway"
        scene.serves_on()
        scene.has_kept(everything)

        scene.disk.empty()
        scene.wait_for_verdict("ok")
        again = [one for sender in send_all(flood, scene.port) for one in sender]
        assert {STORED} == {one.status for one in again}
        scene.has_kept(again)
        scene.is_whole([before, waiting, later, *flood])
        scene.has_told_once()


HOLD = """
rules:
  - name: stub
    match:
      Modality: CT
    run:
      - {{pipeline: stub-enhance, parameters: {{act: hold, once: {once}}}}}
      - stub-segment
"""


@pytest.mark.parametrize(
    ("kind", "files_only"), [("tmpfs", False), ("ext4", False), ("tmpfs", True)]
)
def test_dsk_a_disk_that_is_full_to_the_last_byte_costs_nothing_acknowledged(
    pacs, tmp_path, kind, files_only
):
    limits = "disk_reserve_mb = 0\ndisk_warn_mb = 0\n"
    once = tmp_path / "once"
    rules = HOLD.format(once=json.dumps(str(once)))
    with a_scene(tmp_path, pacs, limits=limits, kind=kind, rules=rules) as scene:
        held = scene.study("held", 3)
        send_all([held], scene.port)
        wait_until(once.exists, LONG_S)
        flood = scene.studies("flood", count=4, slices=12)
        pids = [scene.node.pid_of(role) for role in ("core", "receiver-1")]
        if not files_only:
            scene.disk.leave(6)
            told = send_all(flood, scene.port)
            assert any({STORED, NO_ROOM} == {one.status for one in sender} for sender in told)
            scene.has_kept([one for sender in told for one in sender])

        with scene.disk.kept_full(files_only=files_only):
            scene.wait_for_verdict("full")
            refused = send_all([*flood, scene.study("other", 3)], scene.port)
            scene.has_kept([one for sender in refused for one in sender])
            assert {NO_ROOM} == {one.status for one in refused[-1]}
            if not files_only:
                wait_until(lambda: "the database takes no index rows" in scene.node.said)
            once.with_suffix(".go").touch()
            wait_until(lambda: "pipeline failed" in scene.node.said)
            scene.serves_on()
        assert pids == [scene.node.pid_of(role) for role in ("core", "receiver-1")]

        scene.disk.empty()
        scene.wait_for_verdict("ok")
        again = send_all([*flood, tmp_path / "in" / "other"], scene.port)
        assert {STORED} == {one.status for sender in again for one in sender}
        scene.has_kept([one for sender in again for one in sender])
        scene.is_whole([held, *flood, tmp_path / "in" / "other"])
        scene.has_told_once()
        assert ("succeeded", 4) == (scene.jobs()[0].state, scene.jobs()[0].attempt)


def test_dsk_what_is_killed_on_a_full_disk_comes_back_when_there_is_room(pacs, tmp_path):
    limits = "disk_reserve_mb = 0\ndisk_warn_mb = 0\n"
    with a_scene(tmp_path, pacs, limits=limits) as scene:
        scene.disk.leave(4)
        flood = scene.studies("flood", count=4, slices=6)
        told = [one for sender in send_all(flood, scene.port) for one in sender]
        roles = ("core", "receiver-1")
        with scene.disk.kept_full():
            before = [scene.node.pid_of(role) for role in roles]
            for pid in before:
                os.kill(pid, signal.SIGKILL)
            for role, pid in zip(roles, before, strict=True):
                wait_until(lambda role=role, pid=pid: scene.node.pid_of(role) != pid)
            wait_until(lambda: _echoes(scene))
            # The core runs, or it has ended on the full disk and will be started again.
            wait_until(
                lambda: scene.node.said.count("core runs") + scene.node.said.count("role=core") > 4,
                LONG_S,
            )
            refused = [one for sender in send_all(flood, scene.port) for one in sender]
            scene.has_kept([*told, *refused])
        assert scene.node.process.poll() is None

        scene.disk.empty()
        again = send_all(flood, scene.port)
        assert {STORED} == {one.status for sender in again for one in sender}
        scene.is_whole(flood)


def test_dsk_a_data_folder_on_a_full_disk_is_usable_and_one_that_is_missing_is_not(tmp_path):
    """What starts again on a full disk must not tell its supervisor that nothing can mend it."""
    mask = os.umask(0o022)
    try:
        with a_small_disk(tmp_path / "disk", "tmpfs", 8) as disk:
            there = disk.folder / "data"
            there.mkdir()
            with disk.kept_full(files_only=True):
                open_data_folder(there)
                with pytest.raises(FolderUnusable, match="No space left"):
                    open_data_folder(disk.folder / "missing")
    finally:
        os.umask(mask)


def _echoes(scene: Scene) -> bool:
    try:
        echo(scene.node.peer, "TEST", timeout_s=5)
    except PeerError:
        return False
    return True
