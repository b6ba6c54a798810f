"""The SeriesNumbers that a study has already, received and produced (ENH-03)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom import dcmread
from pydicom.errors import InvalidDicomError

from dicom_node.observe.logging import get_log
from storage.db.queries.jobs import series_numbers_of
from storage.db.queries.outputs import a_file_of_each_series

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from storage.files.store import ObjectStore


log = get_log(__name__)


def taken_series_numbers(session: Session, study_id: int, store: ObjectStore) -> list[int]:
    """Every number in use, in order; those of results stand in their files.

    A result that cannot be read keeps no number and stops no job: two series of one number are a
    nuisance, a study that takes no more jobs is a loss.
    """
    numbers = set(series_numbers_of(session, study_id))
    for key in a_file_of_each_series(session, study_id):
        path = store.path(key)
        try:
            result = dcmread(path, stop_before_pixels=True, specific_tags=["SeriesNumber"])
        except (OSError, InvalidDicomError) as error:
            log.warning("a result's file cannot be read", study=study_id, error=error)
            continue
        if result.get("SeriesNumber") is not None:
            numbers.add(int(result.SeriesNumber))
    return sorted(numbers)
