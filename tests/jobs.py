"""A study with jobs in a database and a store, and an engine with slots for stub pipelines."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pytest
from pydicom import Dataset
from sqlalchemy import func, select

from dicom_node.config import Settings
from dicom_node.jobs.bench import Bench
from dicom_node.jobs.child import Child
from dicom_node.jobs.engine_local import LocalEngine
from dicom_node.jobs.slot import Slot
from dicom_node.observe.health import DiskGauge
from storage.audit import study_event, verify
from storage.db.engine import Database
from storage.db.tables import Delivery, Job, Output, Series, Study
from storage.files.local import LocalStore
from storage.lifecycle import advance
from tests.builders import a_series
from tests.receiving import an_association, in_process, incoming, take, wait_until

ROOT = Path(__file__).parents[1]
STUB_CARDS = ROOT / "tests" / "stubs" / "cards"
STUB_RULES = ROOT / "tests" / "stubs" / "rules"
ENDED = ("succeeded", "refused", "failed", "cancelled")


def injected_environment() -> dict[str, str]:
    """What a process of the node needs in its environment to be changed from outside."""
    return {"PYTHONPATH": os.pathsep.join([str(ROOT / "tests" / "inject"), str(ROOT)])}


def stub_environment() -> dict[str, str]:
    """What it needs to have the stub pipelines instead of the shipped ones."""
    return {**injected_environment(), "STUB_CARDS": str(STUB_CARDS)}


def job_settings(folder: Path, **jobs: Any) -> Settings:
    """Settings with one CPU slot, short pauses and a destination nobody listens at."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Settings.model_validate(
        {
            "node": {"data_folder": folder},
            "receive": {"port": 0, "disk_reserve_mb": 0, "settle_after_s": 0},
            "jobs": {"slots": ["cpu"], "retry_after_s": [0.01], **jobs},
            "peers": {"PACS": {"ae_title": "PACS", "host": "127.0.0.1", "port": 104}},
        }
    )


class WarmSlot(Slot):
    """A slot whose idle child goes to the next test's slot, because one takes seconds to load."""

    idle: ClassVar[list[Child]] = []

    def start(self) -> Child:
        with self._lock:
            if self._child is None and not self._closed and self.idle:
                self._child = self.idle.pop()
        return super().start()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._child and self._label is None:
                self.idle.append(self._child)
                self._child = None
        super().close()


@contextmanager
def warm_children() -> Iterator[None]:
    """Ends what the block's slots have left idle."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in stub_environment().items():
            patch.setenv(name, value)
        yield
        while WarmSlot.idle:
            WarmSlot.idle.pop().end()


@dataclass
class Works:
    """The parts of a node that run jobs."""

    bench: Bench
    engine: LocalEngine
    slots: list[Slot]
    published: list[None] = field(default_factory=list)

    @property
    def db(self) -> Database:
        return self.bench.db

    def receive(self, images: Sequence[Dataset] | None = None) -> tuple[int, int]:
        """Take and index a series; its study's and its own row id."""
        images = images or a_series(slices=3)
        association = an_association(uuid4().int % 10**12)
        intake = in_process(self.db, self.bench.store, self.bench.settings)
        intake.begin(association)
        for image in images:
            assert take(intake, incoming(image, association)) == 0
        intake.end(association, "released")
        intake.close()
        uid = images[0].SeriesInstanceUID
        with self.db.read() as session:
            row = session.scalars(select(Series).where(Series.series_uid == uid)).one()
            return row.study_id, row.id

    def add(self, received: tuple[int, int], pipeline: str = "stub-enhance", **values: Any) -> int:
        """The id of a new queued job on a received series; other `values` are parameters."""
        columns = {
            name: values.pop(name) for name in ("priority", "destinations") if name in values
        }
        now = datetime.now(UTC)
        self.decide(received[0])
        with self.db.begin() as session:
            job = Job(
                study_id=received[0], series_id=received[1], revision=1, rule="stub",
                pipeline=pipeline, parameters=values, input_key=uuid4().hex, run_after=now,
                created_at=now, **{"destinations": ["PACS"], **columns},
            )  # fmt: skip
            session.add(job)
            session.flush()
            self.engine.enqueue(session, job)
            return job.id

    def decide(self, study_id: int) -> None:
        """Settle the study and find rules for it, as the settler does before there is a job."""
        with self.db.begin() as session:
            study = session.get_one(Study, study_id)
            if study.state == "receiving":
                event = study_event(study, "110103", "R", actor="node", text="decided")
                advance(session, study, "settle", audit=event)
                advance(session, study, "match", audit=event)

    def reopen(self, study_id: int) -> None:
        """The study grows again."""
        with self.db.begin() as session:
            study = session.get_one(Study, study_id)
            event = study_event(study, "110104", "C", actor="node", text="a late instance")
            advance(session, study, "late_instance", audit=event)

    def job(self, job_id: int) -> Job:
        with self.db.read() as session:
            return session.get_one(Job, job_id)

    def wait_for(self, job_id: int, *states: str) -> Job:
        """The job as soon as it is in one of the states; without any, as soon as it has ended."""
        wanted = states or ENDED
        return wait_until(lambda: job if (job := self.job(job_id)).state in wanted else None, 60)

    def count(self, table: type, *where: Any) -> int:
        with self.db.read() as session:
            return session.scalar(select(func.count()).select_from(table).where(*where)) or 0

    def outputs(self, job_id: int) -> list[Output]:
        with self.db.read() as session:
            query = select(Output).where(Output.job_id == job_id).order_by(Output.id)
            return list(session.scalars(query))

    def deliveries(self) -> list[Delivery]:
        with self.db.read() as session:
            return list(session.scalars(select(Delivery).order_by(Delivery.id)))

    def verify_trail(self) -> int:
        return verify(self.db, self.db.head_file)


@contextmanager
def some_works(db: Database, store: LocalStore, settings: Settings) -> Iterator[Works]:
    """An engine that serves nothing yet; stopped at the end of the block."""
    published: list[None] = []
    bench = Bench(db, store, settings, "2.25.1", lambda: published.append(None))
    slots: list[Slot] = [
        WarmSlot(f"{device}-{number}", device) for number, device in enumerate(settings.jobs.slots)
    ]
    works = Works(bench, LocalEngine(bench, DiskGauge(settings)), slots, published)
    try:
        yield works
    finally:
        works.engine.stop(grace_s=0)
        for slot in slots:
            slot.close()
