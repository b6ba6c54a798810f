"""The benchmark's arithmetic: ratios inside a repetition, their median, and what is promised."""

from __future__ import annotations

import math

import pytest

from benchmarks.ratios import (
    LARGE,
    MEMORY_CELL,
    TARGETS,
    measured,
    ratios_inside_repetitions,
    result,
    verdict,
)
from benchmarks.run import Cell, Run

KEYS = [
    "default_n8_vs_storescp",
    "default_n8_vs_orthanc",
    "nodelay_n1_vs_orthanc",
    "nodelay_n4_vs_orthanc",
    "nodelay_n16_vs_orthanc",
    "nodelay_n4_vs_storescp",
    "large_vs_storescp",
    "large_vs_orthanc",
    "receiver_mb_1gb",
]
N8 = Cell("default", "CT", 8)


def a_run(receiver: str, seconds: float, *, cell=N8, repetition=0, peak_mb=None) -> Run:
    return Run(receiver, cell, repetition, 640, 336.0, seconds, 1.0, peak_mb, 0.0, was_quiet=True)


def target(key: str):
    return next(one for one in TARGETS if one.key == key)


def test_result_has_exactly_the_keys_and_none_for_what_was_not_run():
    assert result([]) == dict.fromkeys(KEYS)


def test_floors_and_aims_are_those_that_were_promised():
    assert [(one.floor, one.aim) for one in TARGETS] == [
        (3, 3.5),
        (4, 4.5),
        (1.75, 2),
        (1.75, 2),
        (1.75, 2),
        (0.8, 1),
        (1.1, 1.1),
        (2.4, 2.4),
        (69, 69),
    ]


def test_ratio_is_the_median_of_ratios_and_not_the_ratio_of_medians():
    # A slow machine in the last two repetitions: the medians alone would say 4 / 2.
    runs = []
    for repetition, (node_s, peer_s) in enumerate([(1, 4), (2, 6), (8, 4)]):
        runs += [
            a_run("node", node_s, repetition=repetition),
            a_run("storescp", peer_s, repetition=repetition),
        ]

    assert ratios_inside_repetitions(runs, [N8], "storescp") == pytest.approx([4, 3, 0.5])
    assert measured(target("default_n8_vs_storescp"), runs) == pytest.approx(3)
    assert measured(target("default_n8_vs_orthanc"), runs) is None


def test_half_a_repetition_does_not_count():
    runs = [a_run("node", 1), a_run("node", 1, repetition=1), a_run("Orthanc", 5, repetition=1)]

    assert ratios_inside_repetitions(runs, [N8], "Orthanc") == pytest.approx([5])


def test_large_objects_count_all_together_by_their_geometric_mean():
    runs = [a_run("node", 1, cell=cell) for cell in LARGE]
    runs += [a_run("storescp", s, cell=cell) for s, cell in zip((1, 1, 4, 4), LARGE, strict=True)]

    assert measured(target("large_vs_storescp"), runs) == pytest.approx(2)
    assert measured(target("large_vs_storescp"), runs[:-1]) is None


def test_memory_is_the_largest_of_all_repetitions_and_low_is_good():
    memory = target("receiver_mb_1gb")
    runs = [
        a_run("node", 2, cell=MEMORY_CELL, repetition=index, peak_mb=peak)
        for index, peak in enumerate((60.0, 69.1, 65.0))
    ]

    assert measured(memory, runs) == 69.1
    assert "missed" in verdict(memory, 69.1)
    assert "missed" not in verdict(memory, 69.0)


@pytest.mark.parametrize(
    ("figure", "words"),
    [
        (2.999, ["floor 3 missed", "aim 3.5 missed"]),
        (3.0, ["floor 3 reached", "aim 3.5 missed"]),
        (3.5, ["floor 3 reached", "aim 3.5 reached"]),
        (None, ["not measured"]),
    ],
)
def test_verdict_says_what_is_reached(figure, words):
    line = verdict(target("default_n8_vs_storescp"), figure)

    assert all(word in line for word in words)


def test_rounding_never_turns_a_miss_into_a_success():
    runs = [a_run("node", 1), a_run("storescp", 2.99999)]
    runs.append(a_run("node", 2, cell=MEMORY_CELL, peak_mb=69.00001))

    rounded = result(runs)

    assert rounded["default_n8_vs_storescp"] == 2.9999
    assert rounded["receiver_mb_1gb"] == 69.0001
    assert not any(math.isnan(value) for value in rounded.values() if value is not None)
