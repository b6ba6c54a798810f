from __future__ import annotations

import pytest

from dicom_node.observe.health import LADDER
from dicom_node.web import words
from dicom_node.web.auth.roles import MEANINGS, ROLES
from storage.db.queries.views import Standing
from storage.lifecycle import DELIVERY, JOB, STUDY


@pytest.mark.parametrize(
    ("table", "known"), [(STUDY, words.STUDY), (JOB, words.JOB), (DELIVERY, words.DELIVERY)]
)
def test_every_state_has_a_word(table, known):
    states = {state for state, _event in table} | set(table.values())

    assert states == set(known)


def test_every_step_of_the_disk_ladder_has_a_word():
    assert set(LADDER) == set(words.DISK)


def test_every_role_is_explained():
    assert set(ROLES) == set(MEANINGS)


@pytest.mark.parametrize(
    ("state", "jobs", "deliveries", "label"),
    [
        ("receiving", {}, {}, "Receiving"),
        ("receiving", {"succeeded": 1}, {}, "Receiving"),
        ("quarantined", {"failed": 1}, {}, "Quarantined"),
        ("routed", {"failed": 1, "running": 1}, {}, "Needs attention"),
        ("routed", {"succeeded": 1}, {"failed": 1}, "Needs attention"),
        ("routed", {"succeeded": 1}, {"held": 1}, "Needs attention"),
        ("routed", {"queued": 1, "running": 1}, {}, "Working"),
        ("routed", {"queued": 1, "succeeded": 1}, {}, "Waiting"),
        ("routed", {"succeeded": 1}, {"queued": 1}, "Delivering"),
        ("routed", {"succeeded": 1, "refused": 1}, {"sent": 1}, "Done"),
        ("routed", {"refused": 2}, {}, "Refused"),
        ("routed", {"cancelled": 2}, {}, "Cancelled"),
        ("unmatched", {}, {}, "No pipeline"),
    ],
)
def test_the_standing_of_a_study_is_one_word(state, jobs, deliveries, label):
    assert label == words.standing_word(Standing(1, state, "", jobs, deliveries)).label
