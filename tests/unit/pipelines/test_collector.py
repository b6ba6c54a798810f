"""The garbage collector is put back as it was."""

from __future__ import annotations

import gc

import pytest

from pipelines.collector import MANY, collecting_seldom
from pipelines.errors import PipelineFailed
from pipelines.run import run
from tests.unit.pipelines.stand_ins import a_card, a_request


def test_it_is_put_back_even_after_a_failure():
    before = gc.get_threshold()

    with pytest.raises(ZeroDivisionError), collecting_seldom():
        assert MANY == gc.get_threshold()[0]
        raise ZeroDivisionError
    assert before == gc.get_threshold()


def test_a_run_that_fails_leaves_it_as_it_was(tmp_path):
    before = gc.get_threshold()

    with pytest.raises(PipelineFailed):
        run(a_request(a_card("above"), [], tmp_path), cards={})
    assert before == gc.get_threshold()


def test_cycles_are_still_found():
    class Node:
        def __init__(self):
            self.itself = self

    with collecting_seldom():
        for _ in range(2 * MANY):
            Node()
        left = sum(type(each) is Node for each in gc.get_objects())
    assert left <= MANY + 1000
