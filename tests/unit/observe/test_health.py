from __future__ import annotations

import os
import shutil

import pytest

from dicom_node.config import ReceiveSection, Settings
from dicom_node.observe.health import LADDER, DiskGauge, verdict_on

LIMITS = ReceiveSection(disk_reserve_mb=800, disk_pause_mb=1600, disk_warn_mb=2400)
NONE = ReceiveSection(disk_reserve_mb=0, disk_warn_mb=0)


def settings_in(folder, **receive):
    return Settings.model_validate({"node": {"data_folder": folder}, "receive": receive})


@pytest.mark.parametrize(
    ("free_mb", "verdict"),
    [(2400, "ok"), (2399, "low"), (1600, "low"), (1599, "tight"), (800, "tight"), (799, "full")],
)
def test_each_step_of_the_ladder_is_taken_below_its_limit(free_mb, verdict):
    assert verdict == verdict_on(free_mb, LIMITS, "ok")


@pytest.mark.parametrize(
    ("free_mb", "before", "verdict"),
    [
        (899, "full", "full"),
        (900, "full", "tight"),
        (1799, "full", "tight"),
        (1799, "tight", "tight"),
        (1800, "tight", "low"),
        (2699, "tight", "low"),
        (2699, "low", "low"),
        (2700, "low", "ok"),
        (2700, "full", "ok"),
    ],
)
def test_a_step_is_taken_back_an_eighth_above_its_limit(free_mb, before, verdict):
    assert verdict == verdict_on(free_mb, LIMITS, before)


def test_free_space_that_trembles_at_a_limit_gives_one_verdict():
    verdict = "ok"
    told = []
    for free_mb in [801, 799, 801, 799, 850, 799, 899]:
        verdict = verdict_on(free_mb, LIMITS, verdict)
        told.append(verdict)

    assert ["tight", *["full"] * 6] == told


@pytest.mark.parametrize("before", LADDER)
def test_without_limits_only_the_last_megabyte_is_full(before):
    assert "ok" == verdict_on(2, NONE, before)
    assert "full" == verdict_on(0, NONE, before)


def test_a_disk_that_holds_no_more_files_is_full():
    assert "full" == verdict_on(10**6, LIMITS, "ok", free_files=3)


def test_the_pause_is_halfway_unless_it_is_set():
    assert 6144 == ReceiveSection().pause_below_mb
    assert 1600 == LIMITS.pause_below_mb
    assert 0 == NONE.pause_below_mb


def test_a_gauge_reads_the_disk_of_the_store_or_of_its_nearest_folder(tmp_path):
    space = DiskGauge(settings_in(tmp_path / "a" / "b", disk_reserve_mb=0, disk_warn_mb=0)).look()

    there = os.statvfs(tmp_path)
    assert "ok" == space.verdict
    assert space.total_mb == shutil.disk_usage(tmp_path).total // 2**20
    assert space.free_mb == pytest.approx(there.f_bavail * there.f_frsize / 2**20, rel=0.05)


def test_an_object_comes_in_when_half_of_the_reserve_is_left_beside_it(tmp_path):
    free = shutil.disk_usage(tmp_path).free
    reserve_mb = free // 2**21
    gauge = DiskGauge(settings_in(tmp_path, disk_reserve_mb=reserve_mb, disk_warn_mb=10**9))

    assert gauge.takes(free * 6 // 10)
    assert not gauge.takes(free * 9 // 10)
    assert gauge.takes(1000), "a large object that is refused stops no small one"


def test_nothing_comes_in_below_the_reserve_and_without_one_the_disk_decides(tmp_path):
    huge = 10**9

    full = DiskGauge(settings_in(tmp_path, disk_reserve_mb=huge, disk_warn_mb=huge))
    assert not full.takes(0)
    assert DiskGauge(settings_in(tmp_path, disk_reserve_mb=0)).takes(2**60)
