from __future__ import annotations

import shutil

from dicom_node.observe.health import DiskSpace, Health, disk_space


def test_the_disk_is_ok_low_or_full(tmp_path):
    free = shutil.disk_usage(tmp_path).free // 1_000_000

    assert "ok" == disk_space(tmp_path, warn_mb=0, reserve_mb=0).verdict
    assert "low" == disk_space(tmp_path, warn_mb=free * 2, reserve_mb=0).verdict
    assert "full" == disk_space(tmp_path, warn_mb=free * 2, reserve_mb=free * 2).verdict


def test_a_folder_that_is_not_there_yet_has_the_space_of_its_parent(tmp_path):
    space = disk_space(tmp_path / "a" / "b", warn_mb=0, reserve_mb=0)

    assert space.total_mb == shutil.disk_usage(tmp_path).total // 1_000_000


def test_troubles_are_plain_sentences():
    counts = {
        "job": {"failed": 2, "queued": 1},
        "delivery": {"failed": 1},
        "study": {"quarantined": 1},
    }

    assert [] == Health(DiskSpace(9000, 9999, "ok"), {"job": {"failed": 0}}).troubles()
    assert [
        "disk low: 900 MB free",
        "failed: 2 jobs",
        "failed: 1 deliveries",
        "quarantined: 1 studies wait for a person",
    ] == Health(DiskSpace(900, 9999, "low"), counts).troubles()
    assert ["disk full: 9 MB free, nothing more is received"] == (
        Health(DiskSpace(9, 9999, "full")).troubles()
    )
