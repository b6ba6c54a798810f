"""What goes to a research destination: images and results alike, de-identified, in the trail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import BytesIO

import pytest
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE, StoragePresentationContexts, evt
from sqlalchemy import select

from dicom_node.config import PeerSection, Settings
from dicom_node.delivery.orders import resend_delivery
from dicom_node.delivery.send import DeliveryLoop
from storage.audit import list_events, verify
from storage.db.tables import Delivery, Instance, Job, Output, Series, Study
from tests.builders import CANARY, a_series, write_series
from tests.integration.test_cli import dicom_node
from tests.receiving import wait_until

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


class Archive:
    """A Storage SCP that keeps what it gets, and says at times that it has no room."""

    def __init__(self, *statuses: int) -> None:
        self.got: list[bytes] = []
        self.statuses = list(statuses)
        entity = AE(ae_title="STUDY")
        for context in StoragePresentationContexts:
            entity.add_supported_context(context.abstract_syntax, ExplicitVRLittleEndian)
        self._server = entity.start_server(
            ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, self._store)]
        )
        self.port = self._server.server_address[1]

    def close(self) -> None:
        self._server.shutdown()

    def images(self) -> list[Dataset]:
        return [dcmread(BytesIO(content)) for content in self.got]

    def _store(self, event) -> int:
        buffer = BytesIO()
        dataset = event.dataset
        dataset.file_meta = event.file_meta
        dcmwrite(buffer, dataset, enforce_file_format=True)
        self.got.append(buffer.getvalue())
        return self.statuses.pop(0) if self.statuses else 0


@contextmanager
def an_archive(*statuses: int) -> Iterator[Archive]:
    archive = Archive(*statuses)
    try:
        yield archive
    finally:
        archive.close()


def settings_of(folder, port: int, project: str = "lung", **options) -> Settings:
    peer = {"ae_title": "STUDY", "host": "127.0.0.1", "port": port, "research": project}
    return Settings.model_validate(
        {
            "node": {"data_folder": folder},
            "receive": {"port": 0, "disk_reserve_mb": 0},
            "peers": {"study": peer},
            "research": {project: options},
            "deliver": {"first_retry_s": 0.2, "timeout_s": 5.0},
        }
    )


@pytest.fixture
def add(db, store, tmp_path):
    """Makes a delivery of a finished job on a received series, with one result; its id."""

    def make(images, results=None, destination: str = "study") -> int:
        now = datetime.now(UTC)
        first = images[0]
        with db.begin() as session:
            study = Study(
                study_uid=first.StudyInstanceUID, patient_id=first.PatientID, created_at=now,
                last_received_at=now,
            )  # fmt: skip
            session.add(study)
            session.flush()
            series = Series(study_id=study.id, series_uid=first.SeriesInstanceUID)
            session.add(series)
            session.flush()
            job = Job(
                study_id=study.id, series_id=series.id, revision=1, rule="r", pipeline="p",
                input_key="k", run_after=now, created_at=now, state="succeeded",
            )  # fmt: skip
            session.add(job)
            session.flush()
            for image, key in kept(images, "in"):
                session.add(
                    Instance(series_id=series.id, revision=1, received_at=now, size=1,
                             file_key=key, **uids(image))
                )  # fmt: skip
            for image, key in kept(results or a_result(images), "out"):
                session.add(
                    Output(job_id=job.id, study_id=study.id, kind="enhanced", state="released",
                           series_uid=image.SeriesInstanceUID, file_key=key, size=1, sha256="x",
                           produced_at=now, **uids(image))
                )  # fmt: skip
            delivery = Delivery(
                job_id=job.id, study_id=study.id, destination=destination, run_after=now,
                created_at=now,
            )  # fmt: skip
            session.add(delivery)
            session.flush()
            return delivery.id

    def kept(images, folder):
        paths = write_series(tmp_path / folder, images)
        for image, path in zip(images, paths, strict=True):
            key = f"{folder}/{image.SOPInstanceUID}"
            store.adopt(path, key)
            yield image, key

    return make


def uids(image) -> dict[str, str]:
    return {
        "sop_uid": image.SOPInstanceUID,
        "sop_class_uid": image.SOPClassUID,
        "transfer_syntax_uid": image.file_meta.TransferSyntaxUID,
    }


def a_result(images):
    return a_series(slices=1, key="a", series=9000, PatientID=images[0].PatientID)


@pytest.fixture
def run(db, store, tmp_path):
    """Runs the loop of the research destination until the delivery is in one of the states."""

    def until(settings: Settings, delivery: int, *states: str) -> Delivery:
        loop = DeliveryLoop("study", settings.peers["study"], db, store, settings)
        loop.start()

        def look():
            with db.read() as session:
                row = session.get_one(Delivery, delivery)
            return row if row.state in states else None

        try:
            return wait_until(look)
        finally:
            loop.stop(10)

    return until


def test_images_and_results_arrive_deidentified_and_the_export_is_in_the_trail(
    db, add, run, tmp_path
):
    sources = a_series(slices=3)
    with an_archive() as archive:
        settings = settings_of(tmp_path / "data", archive.port)
        row = run(settings, add(sources), "sent")

    assert (4, "") == (row.accepted, row.reason)
    assert all(CANARY.encode() not in content for content in archive.got)
    known = {sources[0].PatientID, sources[0].StudyInstanceUID, sources[0].AccessionNumber}
    assert not [value for content in archive.got for value in known if value.encode() in content]
    assert 1 == len({image.PatientID for image in archive.images()})
    assert 1 == len({image.StudyInstanceUID for image in archive.images()})
    assert {"YES"} == {image.PatientIdentityRemoved for image in archive.images()}
    with db.read() as session:
        (export,) = list_events(session, limit=10, event="110106")
    assert ("R", 0, sources[0].StudyInstanceUID, sources[0].PatientID) == (
        export.action, export.outcome, export.study_uid, export.patient_id,
    )  # fmt: skip
    told = {"instances": 4, "accepted": 4, "anonymized": True, "project": "lung"}
    assert told == {name: export.detail[name] for name in told}
    assert 4 == sum(export.detail["sop_classes"].values())
    assert CANARY not in export.text
    assert verify(db, db.head_file)


def test_what_lies_in_the_store_is_not_changed(db, store, add, run, tmp_path):
    sources = a_series(slices=2)
    delivery = None
    with an_archive() as archive:
        delivery = add(sources)
        with db.read() as session:
            paths = [store.path(key) for key in session.scalars(select(Instance.file_key))]
        before = [path.read_bytes() for path in paths]
        run(settings_of(tmp_path / "data", archive.port), delivery, "sent")

    assert before == [path.read_bytes() for path in paths]
    assert not list((tmp_path / "data" / "work").rglob("*.dcm"))


def test_another_try_sends_the_same_bytes(add, run, tmp_path):
    with an_archive(0, 0, 0xA700) as archive:
        row = run(settings_of(tmp_path / "data", archive.port), add(a_series(slices=2)), "sent")

    assert 2 == row.attempt
    assert 6 == len(archive.got)
    assert archive.got[:3] == archive.got[3:]


def test_a_second_send_gives_the_same_objects_and_another_project_others(db, add, run, tmp_path):
    with an_archive() as archive:
        delivery = add(a_series(slices=1))
        first = settings_of(tmp_path / "data", archive.port)
        run(first, delivery, "sent")
        with db.begin() as session:
            session.execute(Delivery.__table__.update().values(state="failed"))
        with db.begin() as session:
            resend_delivery(session, delivery, actor="test")
        run(first, delivery, "sent")
        with db.begin() as session:
            session.execute(Delivery.__table__.update().values(state="failed"))
        with db.begin() as session:
            resend_delivery(session, delivery, actor="test")
        run(settings_of(tmp_path / "data", archive.port, "heart"), delivery, "sent")

    assert archive.got[:2] == archive.got[2:4]
    lung, heart = archive.images()[0], archive.images()[4]
    assert lung.PatientID != heart.PatientID
    assert lung.SOPInstanceUID != heart.SOPInstanceUID


def test_without_sources_the_results_go_alone(add, run, tmp_path):
    with an_archive() as archive:
        settings = settings_of(tmp_path / "data", archive.port, sources=False)
        run(settings, add(a_series(slices=3)), "sent")

    assert 1 == len(archive.got)


def test_what_is_refused_is_said_and_the_rest_goes(db, add, run, tmp_path):
    images = a_series(slices=2, BurnedInAnnotation="YES")
    with an_archive() as archive:
        row = run(settings_of(tmp_path / "data", archive.port), add(images), "sent")

    assert 1 == len(archive.got)
    assert "not exported: 2 objects: CT: it says that text is burnt into its pixels" in row.reason


def test_a_delivery_of_which_all_is_refused_fails_and_is_not_tried_again(db, add, run, tmp_path):
    images = a_series(slices=2, BurnedInAnnotation="YES")
    results = a_series(slices=1, series=9000, BurnedInAnnotation="YES")
    with an_archive() as archive:
        row = run(settings_of(tmp_path / "data", archive.port), add(images, results), "failed")

    assert (1, []) == (row.attempt, archive.got)
    assert "text is burnt into" in row.reason


def test_without_its_key_nothing_is_sent(add, run, tmp_path):
    with an_archive() as archive:
        settings = settings_of(tmp_path / "data", archive.port, key_file=tmp_path / "none")
        row = run(settings, add(a_series(slices=1)), "queued")
        wait_until(lambda: row)
        later = run(settings, row.id, "queued", "failed")

    assert [] == archive.got
    assert later.state == "queued"


@pytest.mark.parametrize("project", ["", "lung"])
def test_the_destination_that_is_not_marked_gets_the_patients_own(add, run, tmp_path, project):
    with an_archive() as archive:
        settings = settings_of(tmp_path / "data", archive.port)
        peer = PeerSection(ae_title="STUDY", host="127.0.0.1", port=archive.port, research=project)
        run(settings.model_copy(update={"peers": {"study": peer}}), add(a_series(slices=2)), "sent")

    (*_, last) = archive.images()
    assert (last.PatientName == CANARY) == (not project)
    assert (1 if not project else 3) == len(archive.got)


def test_who_is_behind_a_pseudonym_is_told_to_who_has_the_key_and_each_look_is_audited(
    tmp_path, add, run, db
):
    with an_archive() as archive:
        sources = a_series(slices=1)
        settings = settings_of(tmp_path / "data", archive.port)
        run(settings, add(sources), "sent")
    pseudonym = str(archive.images()[0].PatientID)
    study_uid = str(archive.images()[0].StudyInstanceUID)
    config = tmp_path / "node.toml"
    config.write_text(
        f'[node]\ndata_folder = "{tmp_path / "data"}"\n[research.lung]\n'
        f'[database]\nurl = "{db.engine.url.render_as_string(hide_password=False)}"\n'
    )

    for asked in (pseudonym, study_uid):
        done = dicom_node("research", "reveal", "lung", asked, "--reason", "a", "--config", config)
        assert f"{sources[0].PatientID}  {sources[0].StudyInstanceUID}\n" == done.stdout
    done = dicom_node(
        "research", "reveal", "lung", "lung-NOBODY", "--reason", "b", "--config", config
    )
    assert "no exported study is behind it\n" == done.stdout
    asked = ("research", "subject", "lung", "--reason", "she withdraws", "--config", config)
    done = dicom_node(*asked, typed=f"{sources[0].PatientID}\n")
    assert done.stdout.endswith(f"{pseudonym}\n")

    with db.read() as session:
        looks = list_events(session, limit=10, event="110113")
    assert 4 == len(looks)
    assert {"110132"} == {look.event_type for look in looks}
    assert "she withdraws" == looks[0].detail["reason"]
    assert [sources[0].PatientID, "", *[sources[0].PatientID] * 2] == [
        look.patient_id for look in looks
    ]


def test_a_project_that_the_settings_do_not_have_is_a_mistake(tmp_path):
    config = tmp_path / "node.toml"
    config.write_text('[peers.study]\nae_title = "STUDY"\nresearch = "lnug"\n[research.lung]\n')

    done = dicom_node("rules", "check", "--config", config)

    assert 2 == done.returncode
    assert "no project is called 'lnug'; known: lung" in done.stderr
