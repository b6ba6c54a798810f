"""The age of the oldest row, whatever the machine's clock does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dicom_node.audit.waiting import Waiting

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
HOUR, YEAR = timedelta(hours=1), timedelta(days=365)


def test_what_was_there_at_the_start_is_as_old_as_its_time_says():
    assert 3600 == Waiting().age_s((1, NOON - HOUR), NOON, 5000.0)


def test_what_came_since_is_as_old_as_the_time_since_the_last_look():
    waiting = Waiting()
    assert 0 == waiting.age_s(None, NOON, 5000.0)

    assert 1 == waiting.age_s((1, NOON - YEAR), NOON, 5001.0)  # the clock was set forward by a year
    assert 11 == waiting.age_s((1, NOON - YEAR), NOON, 5011.0)


@pytest.mark.parametrize("jump", [-YEAR, YEAR])
def test_a_clock_that_is_set_changes_no_age(jump):
    waiting = Waiting()
    waiting.age_s((1, NOON), NOON, 5000.0)

    assert 60 == waiting.age_s((1, NOON), NOON + jump, 5060.0)


def test_a_row_from_the_future_ages_from_when_it_is_seen():
    waiting = Waiting()

    assert 0 == waiting.age_s((1, NOON + YEAR), NOON, 5000.0)
    assert 7 == waiting.age_s((1, NOON + YEAR), NOON, 5007.0)


def test_the_next_oldest_has_not_waited_longer_than_the_one_before():
    waiting = Waiting()
    waiting.age_s((1, NOON - HOUR), NOON, 5000.0)

    assert 1800 == waiting.age_s((2, NOON - HOUR / 2), NOON, 5000.0)
    assert 1800 == waiting.age_s((3, NOON - YEAR), NOON, 5000.0)
    assert 0 == waiting.age_s(None, NOON, 5001.0)
