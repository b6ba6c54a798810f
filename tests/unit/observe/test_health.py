from __future__ import annotations

import shutil

from dicom_node.observe.health import disk_space


def test_the_disk_is_ok_low_or_full(tmp_path):
    free = shutil.disk_usage(tmp_path).free // 2**20

    assert "ok" == disk_space(tmp_path, warn_mb=0, reserve_mb=0).verdict
    assert "low" == disk_space(tmp_path, warn_mb=free * 2, reserve_mb=0).verdict
    assert "full" == disk_space(tmp_path, warn_mb=free * 2, reserve_mb=free * 2).verdict


def test_a_folder_that_is_not_there_yet_has_the_space_of_its_parent(tmp_path):
    space = disk_space(tmp_path / "a" / "b", warn_mb=0, reserve_mb=0)

    assert space.total_mb == shutil.disk_usage(tmp_path).total // 2**20
