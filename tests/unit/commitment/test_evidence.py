"""What is promised: what the index knows, the disk holds whole, and a power cut would leave."""

from __future__ import annotations

import errno

import pytest

from dicom_node.commitment.evidence import examine
from dicom_node.net.commitment import FailureReason, Reference, Request
from storage.files.local import LocalStore
from tests.builders import a_series
from tests.receiving import in_process, incoming, settings_for, take, wait_until


class Bench:
    """Instances received as the node receives them, and questions about them."""

    def __init__(self, db, store, tmp_path):
        self.db, self.store = db, store
        self.settings = settings_for(tmp_path / "node")
        self.intake = in_process(db, store, self.settings)

    def receive(self, images):
        for image in images:
            assert 0 == take(self.intake, incoming(image))
        wait_until(lambda: not self.faults(images).get("missing"))

    def faults(self, images, store=None) -> dict[str, object]:
        """Each instance that is not promised; ``missing``: how many of them have no row."""
        references = tuple(Reference(i.SOPClassUID, i.SOPInstanceUID) for i in images)
        report = examine(self.db, store or self.store, Request("1.2", references))
        assert len(images) == len(report.safe) + len(report.failed)
        found = {reference.sop_uid: reason for reference, reason in report.failed}
        missing = list(found.values()).count(FailureReason.NO_SUCH_INSTANCE)
        return {**found, "missing": missing} if missing else found

    def path(self, image):
        return next((self.store.root / "received").rglob(f"{image.SOPInstanceUID}.dcm"))


@pytest.fixture
def bench(db, store, tmp_path):
    bench = Bench(db, store, tmp_path)
    yield bench
    bench.intake.close()


def test_what_is_indexed_and_on_disk_is_safe(bench):
    images = a_series(slices=3)
    bench.receive(images)

    assert {} == bench.faults(images)


def test_more_instances_than_a_database_takes_values_are_looked_up(bench):
    images = a_series(slices=2)
    bench.receive(images)
    many = [Reference("1.2", f"1.2.{number}") for number in range(1203)]
    asked = (*many, *(Reference(i.SOPClassUID, i.SOPInstanceUID) for i in images))

    report = examine(bench.db, bench.store, Request("1.2", asked))

    assert (2, 1203) == (len(report.safe), len(report.failed))


def test_a_file_without_a_row_is_not_promised(bench):
    """Its receiver may have been about to sync its folder, or to refuse it."""
    [image] = a_series(slices=1)
    request = incoming(image)
    key = f"received/{image.StudyInstanceUID}/{image.SeriesInstanceUID}/{image.SOPInstanceUID}.dcm"
    bench.store.put(key, [b"\0" * 128, b"DICM", request.encoded])

    assert FailureReason.NO_SUCH_INSTANCE == bench.faults([image])[image.SOPInstanceUID]


@pytest.mark.parametrize("folder", ["series", "study", "received", "store"])
def test_what_might_not_outlive_a_power_cut_is_not_promised(bench, folder):
    images = a_series(slices=2)
    bench.receive(images)
    of_study = f"received/{images[0].StudyInstanceUID}"
    unsynced = {
        "series": f"{of_study}/{images[0].SeriesInstanceUID}/",
        "study": f"{of_study}/{images[0].SeriesInstanceUID}",
        "received": of_study,
        "store": "received",
    }[folder]

    class Failing(LocalStore):
        def sync(self, key):
            if key == unsynced or (unsynced.endswith("/") and key.startswith(unsynced)):
                raise OSError(errno.EIO, "Input/output error")
            super().sync(key)

    faults = bench.faults(images, Failing(bench.store.root))

    assert [FailureReason.PROCESSING_FAILURE] * 2 == list(faults.values())


def test_a_file_that_is_gone_is_no_such_instance(bench):
    images = a_series(slices=2)
    bench.receive(images)
    bench.path(images[0]).unlink()

    assert FailureReason.NO_SUCH_INSTANCE == bench.faults(images)[images[0].SOPInstanceUID]
    assert images[1].SOPInstanceUID not in bench.faults(images)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path, _other: path.write_bytes(path.read_bytes()[:-1]),
        lambda path, _other: path.write_bytes(path.read_bytes() + b"\0"),
        lambda path, _other: path.write_bytes(b"\0" * path.stat().st_size),
        lambda path, other: path.write_bytes(other.read_bytes()),
        lambda path, _other: (path.unlink(), path.mkdir()),
    ],
    ids=["shorter", "longer", "zeros", "another instance", "a folder"],
)
def test_a_file_that_is_not_what_was_received_is_not_promised(bench, spoil):
    images = a_series(slices=2)
    bench.receive(images)
    spoil(bench.path(images[0]), bench.path(images[1]))

    assert {images[0].SOPInstanceUID: FailureReason.PROCESSING_FAILURE} == bench.faults(images)


def test_where_two_versions_are_kept_both_must_be_whole(bench):
    [image] = a_series(slices=1)
    bench.receive([image])
    [other] = a_series(slices=1)
    other.PixelData = bytes(reversed(other.PixelData))
    assert 0 == take(bench.intake, incoming(other))
    second = bench.path(image).with_suffix(".v2.dcm")
    bench.intake.close()
    assert {} == bench.faults([image])

    second.unlink()

    assert FailureReason.NO_SUCH_INSTANCE == bench.faults([image])[image.SOPInstanceUID]
