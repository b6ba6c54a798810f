"""The SeriesNumbers that a study has already, received and produced (ENH-03)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom import dcmread

from storage.db.queries.jobs import series_numbers_of
from storage.db.queries.outputs import a_file_of_each_series

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from storage.files.store import ObjectStore


def taken_series_numbers(session: Session, study_id: int, store: ObjectStore) -> list[int]:
    """Every number in use, in order; those of results stand in their files."""
    numbers = set(series_numbers_of(session, study_id))
    for key in a_file_of_each_series(session, study_id):
        result = dcmread(store.path(key), stop_before_pixels=True, specific_tags=["SeriesNumber"])
        if result.get("SeriesNumber") is not None:
            numbers.add(int(result.SeriesNumber))
    return sorted(numbers)
