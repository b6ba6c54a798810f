"""The benchmark notices every difference between what was sent and what was kept."""

from __future__ import annotations

import pytest

from benchmarks.errors import BenchmarkFailed
from benchmarks.verify import data_sets, verify
from tests.builders import a_series, write_series


@pytest.fixture
def sent(tmp_path):
    return data_sets(write_series(tmp_path / "sent", a_series(slices=3)))


@pytest.fixture
def kept(tmp_path):
    return write_series(tmp_path / "kept", a_series(slices=3))


def test_same_data_sets_behind_other_file_meta_information_are_the_same(sent, kept, tmp_path):
    images = a_series(slices=3)
    for image in images:
        image.file_meta.SourceApplicationEntityTitle = "SOMEBODY"

    verify(sent, write_series(tmp_path / "other", images), "it")
    verify(sent, kept, "it")


def test_one_changed_bit_is_seen(sent, kept):
    content = bytearray(kept[1].read_bytes())
    content[-1] ^= 1
    kept[1].write_bytes(content)

    with pytest.raises(BenchmarkFailed, match="changed"):
        verify(sent, kept, "it")


def test_a_torn_file_is_seen(sent, kept):
    kept[1].write_bytes(kept[1].read_bytes()[:-2])

    with pytest.raises(BenchmarkFailed, match="changed"):
        verify(sent, kept, "it")


def test_a_missing_instance_is_seen(sent, kept):
    with pytest.raises(BenchmarkFailed, match="2 instances of 3"):
        verify(sent, kept[1:], "it")


def test_an_instance_kept_twice_is_seen(sent, kept, tmp_path):
    again = write_series(tmp_path / "again", a_series(slices=1))

    with pytest.raises(BenchmarkFailed, match="twice"):
        verify(sent, kept + again, "it")


def test_a_strange_instance_is_seen(sent, kept, tmp_path):
    strange = write_series(tmp_path / "strange", a_series(slices=1, key="strange"))

    with pytest.raises(BenchmarkFailed, match="others"):
        verify(sent, kept[1:] + strange, "it")
