"""The header scanner on every real file: what pydicom reads, it reads with the same values."""

from collections import Counter

import pytest

from tests.fuzz.corpus import data_set_of
from tests.fuzz.scanner import Way, judge_file
from tests.tools import samples

pytestmark = [pytest.mark.samples, pytest.mark.timeout(1800)]


def test_scanner_and_pydicom_agree_on_every_file_of_the_sample_sets():
    ways: dict[str, Counter[Way]] = {}
    root = samples()
    for path in sorted(root.rglob("*")):
        found = data_set_of(path) if path.is_file() else None
        if found:
            counts = ways.setdefault(path.relative_to(root).parts[0], Counter())
            counts[judge_file(*found)] += 1
    total: Counter[Way] = sum(ways.values(), Counter())
    for name, counts in ways.items():
        print(f"{name}: {_said(counts)}")
    print(f"all: {_said(total)}")
    assert total[Way.WALKED] > 0.9 * total.total() > 900


def _said(counts: Counter[Way]) -> str:
    return ", ".join(f"{counts[way]} {way}" for way in Way)
