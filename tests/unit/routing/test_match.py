from __future__ import annotations

import fnmatch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicom_node.routing.match import (
    AllOf,
    Not,
    OneOf,
    Present,
    Range,
    holds,
    matches_wildcard,
    spell,
    values_of,
)


class CountedText(str):
    """A text that counts how often one of its characters is looked at."""

    looks = 0

    def __getitem__(self, at):
        if isinstance(at, int):
            CountedText.looks += 1
        return str.__getitem__(self, at)


@settings(max_examples=3000, deadline=None)
@given(st.text("ab*?", max_size=12), st.text("ab", max_size=16))
def test_wildcards_agree_with_fnmatch(pattern, text):
    assert fnmatch.fnmatchcase(text, pattern) == matches_wildcard(pattern, text)


@settings(max_examples=500, deadline=None)
@given(st.text(st.characters(blacklist_characters="*?"), max_size=20))
def test_a_text_without_wildcards_matches_itself_alone(text):
    assert matches_wildcard(text, text)
    assert not matches_wildcard(text, text + "x")


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_a_star_stands_for_anything(before, middle, after):
    assert matches_wildcard("*" + "?" * len(middle) + "*", before + middle + after)


def test_a_hostile_pattern_takes_few_steps():
    pattern, text = "*a" * 20 + "*b", CountedText("a" * 64)
    CountedText.looks = 0

    assert not matches_wildcard(pattern, text)
    assert CountedText.looks <= len(pattern) * len(text)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("CHEST*", "CHEST 5mm", True),
        ("CHEST*", "chest 5mm", False),  # C-FIND: case counts in every VR but PN
        ("*", "x", True),
        ("?", "", False),
        ("", "", True),
        ("**", "", True),
        ("[ab]", "a", False),  # brackets are plain characters
        ("*lung*", "山田lung^太郎", True),
    ],
)
def test_wildcard_cases(pattern, text, expected):
    assert expected == matches_wildcard(pattern, text)


@pytest.mark.parametrize(
    ("wanted", "found", "expected"),
    [
        (OneOf(("CT",)), ["CT"], True),
        (OneOf(("CT", "PT")), ["PT"], True),
        (OneOf(("CT", "PT")), ["MR"], False),
        (OneOf(("LOCALIZER",)), ["ORIGINAL", "PRIMARY", "LOCALIZER"], True),  # any value
        (OneOf(("CT",)), [], False),
        (OneOf(("*",)), [], False),
        (OneOf(("5",), "number"), ["5.0"], True),
        (OneOf(("5.0",), "number"), ["5.000001"], False),
        (OneOf(("5",), "number"), ["five"], False),
        (OneOf(("doe^*",), "name"), ["DOE^JANE"], True),
        (OneOf(("2026-01-31",), "time"), ["20260131"], True),
        (OneOf(("018Y",), "age"), ["18Y"], True),
        (Range("1", "5", "number"), ["5"], True),
        (Range("1", "5", "number"), ["5.01"], False),
        (Range(None, "1.5", "number"), ["0.75", "2"], True),
        (Range("1", None, "number"), ["NaN"], False),
        (Range("1", None, "number"), ["Infinity"], False),
        (Range("1", None, "number"), [], False),
        (Range("018Y", None, "age"), ["045Y"], True),
        (Range("018Y", None, "age"), ["200M"], False),
        (Range("018Y", None, "age"), ["215W"], False),
        (Range("018Y", None, "age"), ["045"], False),
        (Range("20260101", "20260131", "time"), ["20260131"], True),
        (Range("20260101", "20260131", "time"), ["20260131235959.5"], True),
        (Range("20260101", "20260131", "time"), ["20260201"], False),
        (Range("2026-01-01", None, "time"), ["20251231"], False),
        (Range("0800", "0959", "time"), ["095930"], True),
        (Range("0800", None, "time"), ["soon"], False),
        (Present(True), ["x"], True),
        (Present(True), [], False),
        (Present(False), [], True),
        (Not(OneOf(("LOCALIZER",))), ["ORIGINAL", "LOCALIZER"], False),
        (Not(OneOf(("LOCALIZER",))), ["ORIGINAL"], True),
        (Not(OneOf(("LOCALIZER",))), [], True),
        (AllOf((Present(True), Not(OneOf(("X",))))), [], False),
        (AllOf((Present(True), Not(OneOf(("X",))))), ["Y"], True),
    ],
)
def test_words(wanted, found, expected):
    assert expected == holds(wanted, found)


def test_values_lose_padding_and_emptiness():
    header = {"ImageType": ["DERIVED ", "", "PRIMARY"], "Modality": "CT ", "StudyID": "  "}

    assert ("DERIVED", "PRIMARY") == values_of(header, "ImageType")
    assert ("CT",) == values_of(header, "Modality")
    assert () == values_of(header, "StudyID")
    assert () == values_of(header, "PatientID")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (OneOf(("CT", "PT")), "CT or PT"),
        (Not(OneOf(("LOCALIZER",))), "not LOCALIZER"),
        (Range("1", "5"), "at least 1 and at most 5"),
        (Range(None, "5"), "at most 5"),
        (AllOf((Present(True), Not(OneOf(("X",))))), "present and not X"),
        (Present(False), "absent"),
    ],
)
def test_a_word_is_spelled_as_an_admin_would_say_it(wanted, expected):
    assert expected == spell(wanted)
