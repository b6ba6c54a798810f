"""Which answers of a destination mean that it holds the object."""

from __future__ import annotations

import pytest

from dicom_node.delivery.transfer import Outcome, is_accepted


@pytest.mark.parametrize("status", [0x0000, 0xB000, 0xB006, 0xB007, 0x0111])
def test_success_warnings_and_duplicates_are_accepted(status):
    assert is_accepted(status)


@pytest.mark.parametrize("status", [0x0122, 0xA700, 0xA900, 0xC000, 0xFE00, 0x0001])
def test_everything_else_is_not(status):
    assert not is_accepted(status)


@pytest.mark.parametrize(
    ("outcome", "complete"),
    [
        (Outcome(2, 2), True),
        (Outcome(0, 0), True),
        (Outcome(2, 1, "1 of 2 not accepted"), False),
        (Outcome(0, 0, "does not answer"), False),
    ],
)
def test_an_outcome_is_complete_when_all_was_accepted(outcome, complete):
    assert complete == outcome.is_complete
