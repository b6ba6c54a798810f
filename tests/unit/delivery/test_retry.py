"""Pauses double up to the longest, and end with the patience of the settings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from dicom_node.config import DeliverSection
from dicom_node.delivery.retry import next_try

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def pauses(deliver: DeliverSection) -> list[float]:
    """Every pause until the delivery is given up, each try failing at once."""
    found, now, attempt = [], BEGIN, 1
    while due := next_try(deliver, attempt=attempt, created_at=BEGIN, now=now):
        found.append((due - now).total_seconds())
        now, attempt = due, attempt + 1
    return found


def test_pauses_double_and_stay_at_the_longest():
    deliver = DeliverSection(first_retry_s=30, longest_retry_s=3600, give_up_after_hours=5)

    assert [30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600] == pauses(deliver)


@given(st.floats(0.1, 1e4), st.floats(1, 100), st.floats(0.01, 100), st.integers(1, 10_000))
def test_the_next_try_is_later_than_now_and_never_after_the_end(first, grows, hours, attempt):
    deliver = DeliverSection(
        first_retry_s=first, longest_retry_s=first * grows, give_up_after_hours=hours
    )
    now = BEGIN + timedelta(minutes=1)

    due = next_try(deliver, attempt=attempt, created_at=BEGIN, now=now)

    assert due is None or now < due <= BEGIN + timedelta(hours=hours)


def test_a_delivery_of_any_age_is_given_up():
    deliver = DeliverSection()
    now = BEGIN + timedelta(hours=72)

    assert next_try(deliver, attempt=1, created_at=BEGIN, now=now) is None
