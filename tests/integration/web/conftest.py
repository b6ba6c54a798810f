"""The served page, and studies behind it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pytest
from argon2 import PasswordHasher
from pydicom import Dataset

from dicom_node.web.auth import passwords
from storage.db.tables import Job
from tests.integration.web.rows import (
    NOW,
    Kept,
    add_delivery,
    add_job,
    add_study,
    keep_images,
    keep_results,
)
from tests.integration.web.visitor import Page, a_page
from tests.unit.preview.scene import HEAD, ORIENTATIONS, a_scene, a_seg


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch):
    """Password hashes of the same kind at the least cost: tests log in hundreds of times."""
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "_HASHER", cheap)


@pytest.fixture
def page(tmp_path, sqlite_template) -> Iterator[Page]:
    with a_page(tmp_path, sqlite_template) as served:
        yield served


@pytest.fixture
def study(page) -> int:
    """A study with two results, a refused job and a failed delivery; its files are not kept."""
    with page.db.begin() as session:
        kept = add_study(session)
        times = {"state": "succeeded", "started_at": NOW, "ended_at": NOW + timedelta(seconds=5)}
        enhanced = add_job(session, kept, **times)
        segmented = add_job(session, kept, pipeline="ct-segment", **times)
        add_job(session, kept, state="refused", reason_code="gantry-tilt", reason="It is tilted.")
        add_delivery(session, enhanced, state="sent", attempt=1, accepted=33)
        add_delivery(session, segmented, state="failed", attempt=4, reason="PACS does not answer")
    return kept.study


@pytest.fixture
def drawn_study(page, study) -> int:
    """The same study with the images and the results of its first two jobs."""
    images = a_scene(ORIENTATIONS["axial"])
    with page.db.begin() as session:
        enhanced, segmented = (session.get_one(Job, job_id) for job_id in (1, 2))
        keep_images(session, page.store, Kept(study, enhanced.series_id), images)
        keep_results(session, page.store, enhanced, "enhanced", _enhanced(images))
        keep_results(session, page.store, segmented, "seg", [a_seg(images, (HEAD,))])
    return study


def _enhanced(images: list[Dataset]) -> list[Dataset]:
    """Results that are brighter than their sources by 7."""
    results = a_scene(ORIENTATIONS["axial"])
    for source, result in zip(images, results, strict=True):
        result.SOPInstanceUID += ".9"
        result.file_meta.MediaStorageSOPInstanceUID = result.SOPInstanceUID
        result.PixelData = (source.pixel_array + 7).astype(np.int16).tobytes()
    return results
