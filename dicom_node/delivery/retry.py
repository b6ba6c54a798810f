"""When a delivery that failed is tried again, and when it is given up. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from dicom_node.config import DeliverSection


def next_try(
    deliver: DeliverSection, *, attempt: int, created_at: datetime, now: datetime
) -> datetime | None:
    """When to try again after this many attempts, or None to give up.

    The pause doubles from `first_retry_s` and stays at `longest_retry_s`; the last try is not
    later than `give_up_after_hours` after the delivery was made or ordered to be sent again.
    """
    doublings = min(attempt - 1, 40)  # beyond any pause that the settings can mean
    pause_s = min(deliver.first_retry_s * 2**doublings, deliver.longest_retry_s)
    due = now + timedelta(seconds=pause_s)
    end = created_at + timedelta(hours=deliver.give_up_after_hours)
    return due if due <= end else None
