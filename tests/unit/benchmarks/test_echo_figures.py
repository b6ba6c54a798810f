"""From pairs of phases to rises, and the percentile they stand on."""

from __future__ import annotations

import json
import math

from benchmarks.echo import p99
from benchmarks.echo_figures import Pair, Phase, result, table


def a_pair(alone_ms: float, attacked_ms: float, rate: float = 50.0) -> Pair:
    return Pair("garbage", Phase(alone_ms, 0, 100.0), Phase(attacked_ms, 0, rate), 0.5, {})


def test_p99_of_200_is_the_198th():
    assert 198 == p99(list(range(200, 0, -1)))


def test_p99_is_infinite_when_more_than_one_in_a_hundred_was_not_answered():
    assert 1.0 == p99([1.0] * 198 + [math.inf] * 2)
    assert math.inf == p99([1.0] * 197 + [math.inf] * 3)


def test_rise_is_the_median_of_differences():
    pairs = [a_pair(10, 12), a_pair(100, 130), a_pair(11, 10)]

    assert {"garbage_rise_ms": 2, "garbage_rate_left": 0.5} == result(pairs)


def test_unanswered_echoes_miss_the_floor_and_are_null_in_json():
    pairs = [a_pair(10, math.inf, rate=0.0)]

    assert {"garbage_rise_ms": None, "garbage_rate_left": 0} == json.loads(
        json.dumps(result(pairs), allow_nan=False)
    )
    assert "< 50 missed" in list(table(pairs))[-1]


def test_a_rise_of_fifty_milliseconds_misses_the_floor():
    assert "missed" in list(table([a_pair(10, 60)]))[-1]
    assert "reached" in list(table([a_pair(10, 59.9)]))[-1]
