from __future__ import annotations

from pathlib import Path

import pytest

from dicom_node.errors import RuleInvalid
from dicom_node.routing.match import AllOf, Not, OneOf, Present, Range
from dicom_node.routing.rule import load_rules
from dicom_node.routing.rule_set import Step


def load(tmp_path: Path, text: str, **names):
    (tmp_path / "site.yaml").write_text(text, encoding="utf-8")
    names = {"pipelines": ["ct-denoise", "ct-segment"], "destinations": ["pacs"], **names}
    return load_rules(tmp_path, **names).rules


def mistakes(tmp_path: Path, text: str, **names) -> list[str]:
    with pytest.raises(RuleInvalid) as caught:
        load(tmp_path, text, **names)
    return str(caught.value).splitlines()


def condition(tmp_path: Path, text: str):
    (rule,) = load(tmp_path, f"rules:\n- name: a\n  match:\n    {text}\n  run: [ct-denoise]\n")
    return rule.match[0][1]


def wrong_condition(tmp_path: Path, text: str) -> str:
    (line,) = mistakes(tmp_path, f"rules:\n- name: a\n  match:\n    {text}\n  run: [ct-denoise]\n")
    assert line.startswith("site.yaml:4: rule a: ")
    return line.removeprefix("site.yaml:4: rule a: ")


def test_a_rule_with_everything(tmp_path):
    (rule,) = load(
        tmp_path,
        """
rules:
  - name: chest
    note: low dose
    enabled: false
    match: {Modality: CT}
    any_of:
      - BodyPartExamined: CHEST
      - SeriesDescription: ["*lung*", "*LUNG*"]
    run:
      - ct-segment
      - pipeline: ct-denoise
        parameters: {strength: 0.5, passes: 2, tiled: true, mode: soft}
    priority: stat
    deliver_to: [pacs]
    stop: true
""",
    )

    assert "chest" == rule.name
    assert (("Modality", OneOf(("CT",), "text")),) == rule.match
    assert 2 == len(rule.any_of)
    parameters = {"strength": 0.5, "passes": 2, "tiled": True, "mode": "soft"}
    assert (Step("ct-segment"), Step("ct-denoise", parameters)) == rule.run
    assert (100, ("pacs",), True, False) == (
        rule.priority,
        rule.deliver_to,
        rule.stop,
        rule.enabled,
    )
    assert "low dose" == rule.note


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Modality: CT", OneOf(("CT",), "text")),
        ("Modality: [CT, PT]", OneOf(("CT", "PT"), "text")),
        ("PatientIdentityRemoved: NO", OneOf(("NO",), "text")),  # YAML 1.1 would read false
        ("StudyID: 0123", OneOf(("0123",), "text")),  # and octal
        ("StudyTime: {at_least: 12:30}", Range("12:30", None, "time")),  # and base 60
        ("StudyDate: {at_least: 2026-01-31}", Range("2026-01-31", None, "time")),
        ("SliceThickness: {at_most: 1.5}", Range(None, "1.5", "number")),
        ("PatientAge: {at_least: 018Y}", Range("018Y", None, "age")),
        ("PatientName: doe^*", OneOf(("doe^*",), "name")),
        ("ImageType: {not: LOCALIZER}", Not(OneOf(("LOCALIZER",), "text"))),
        ("ImageType: {not: [A, B]}", Not(OneOf(("A", "B"), "text"))),
        ("SliceThickness: {not: {at_least: 5}}", Not(Range("5", None, "number"))),
        ("ImageType: {present: true, not: X}", AllOf((Present(True), Not(OneOf(("X",)))))),
        ("CallingAETitle: CT1", OneOf(("CT1",), "text")),
    ],
)
def test_words_of_a_match_block(tmp_path, text, expected):
    assert expected == condition(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Modalty: CT", "no attribute is called Modalty; did you mean Modality?"),
        ("modality: CT", "no attribute is called modality; did you mean Modality?"),
        ("CallingAE: X", "no attribute is called CallingAE; did you mean CallingAETitle?"),
        ("PixelData: X", "PixelData holds no values that can be compared"),
        ("Modality: []", "Modality: the list of values is empty"),
        ("Modality: [[CT]]", "Modality: one value is wanted here, not a list or a map"),
        ("Modality:", "Modality: the value is empty; write present: false for that"),
        (r"ImageType: A\B", "ImageType: no value holds a backslash; write a list instead"),
        ("SliceThickness: thin", "SliceThickness holds numbers, and thin is none"),
        ("SliceThickness: 1*", "SliceThickness holds numbers, and 1* is none"),
        ("PatientAge: 45", "PatientAge holds ages such as 018Y or 006M, and 45 is none"),
        ("StudyDate: today", "StudyDate holds dates or times such as 20260131, and today is none"),
        (
            "Modality: {at_least: 1}",
            "Modality holds text: at_least and at_most are for numbers and dates",
        ),
        (
            "SliceThickness: {at_leats: 1}",
            "SliceThickness: no such word: at_leats; did you mean at_least?",
        ),
        (
            "SliceThickness: {xyz: 1}",
            "SliceThickness: no such word: xyz (at_least, at_most, not, present)",
        ),
        ("SliceThickness: {}", "SliceThickness: wants nothing (at_least, at_most, not, present)"),
        (
            "SliceThickness: {at_least: 5, at_most: 1}",
            "SliceThickness: nothing lies between 5 and 1",
        ),
        ("Modality: {present: perhaps}", "Modality: present is true or false"),
    ],
)
def test_a_wrong_condition_says_what_is_wrong(tmp_path, text, expected):
    assert expected == wrong_condition(tmp_path, text)


def test_an_attribute_that_headers_do_not_carry_is_refused(tmp_path):
    text = "rules:\n- name: a\n  match: {Modality: CT, KVP: 120}\n  run: [ct-denoise]\n"

    assert [
        "site.yaml:3: rule a: KVP is not kept for rules; docs/rules.md lists those that are"
    ] == (mistakes(tmp_path, text, attributes=["Modality"]))


RULE = "rules:\n- name: a\n  match: {Modality: CT}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            RULE + "  run: [ct-denoice]\n",
            "site.yaml:4: rule a: no pipeline is called ct-denoice; did you mean ct-denoise?",
        ),
        (
            RULE + "  run: [ct-denoise]\n  deliver_to: [pac]\n",
            "site.yaml:5: rule a: no destination is called pac; did you mean pacs?",
        ),
        (
            RULE + "  rum: [ct-denoise]\n",
            "site.yaml:4: rule a: no such word: rum; did you mean run?",
        ),
        (
            RULE + "  run: [{pipline: ct-denoise}]\n",
            "site.yaml:4: rule a: pipeline is missing",
        ),
        (
            RULE,
            "site.yaml:2: rule a: it does nothing: give it run, or stop: true to exclude what it "
            "matches",
        ),
        (
            "rules:\n- name: a\n  run: [ct-denoise]\n",
            "site.yaml:2: rule a: it matches nothing in particular: give it match "
            '(Modality: "*" is every series)',
        ),
        (
            RULE + "  stop: maybe\n",
            "site.yaml:4: rule a: stop: input should be a valid boolean, unable to interpret input",
        ),
        (
            RULE + "  stop: true\n  priority: now\n",
            "site.yaml:5: rule a: priority: input should be 'routine', 'urgent' or 'stat'",
        ),
        ("rules:\n- match: {Modality: CT}\n  stop: true\n", "site.yaml:2: rule 1: name is missing"),
        ("ruels: []\n", "site.yaml:1: rules is missing"),
        ("- a\n", "site.yaml:1: a rule file is a map with the key rules"),
        ("", "site.yaml:1: rules is missing"),
        ("rules: [", "site.yaml:1: not YAML: expected the node content, but found '<stream end>'"),
        ("rules: \x00", "site.yaml:1: not YAML: it holds characters that YAML does not allow"),
        (
            "rules:\n- name: a\n  match: {SeriesDescription: *lung*}\n",
            'site.yaml:3: a value that begins with * must stand in quotes: "*lung*"',
        ),
        (
            "rules:\n- name: a\n  match:\n    SeriesDescription: *lung\n",
            'site.yaml:4: a value that begins with * must stand in quotes: "*lung*"',
        ),
        (
            "rules:\n- name: a\n  name: b\n",
            "site.yaml:3: name stands here twice; the first would be lost",
        ),
        ("rules:\n- ? [a]\n  : b\n", "site.yaml:2: a key must be a word"),
    ],
)
def test_a_broken_file_is_named_with_line_and_rule(tmp_path, text, expected):
    assert expected == mistakes(tmp_path, text)[0]


def test_an_alternative_needs_a_condition(tmp_path):
    text = "rules:\n- name: a\n  any_of:\n  - Modality: CT\n  - {}\n  run: [ct-denoise]\n"

    assert ["site.yaml:5: rule a: an alternative holds no condition"] == mistakes(tmp_path, text)


def test_a_parameter_that_the_card_lacks_is_named(tmp_path):
    text = RULE + "  run:\n  - pipeline: ct-denoise\n    parameters: {stength: 1}\n"
    known = {"ct-denoise": ["strength"]}

    assert ["site.yaml:6: rule a: ct-denoise has no parameter stength; did you mean strength?"] == (
        mistakes(tmp_path, text, parameters=known)
    )


def test_all_mistakes_of_all_files_are_told_at_once(tmp_path):
    (tmp_path / "a.yaml").write_text(RULE + "  run: [nope]\n", encoding="utf-8")
    (tmp_path / "b.yaml").write_text("rules: 3\n", encoding="utf-8")

    with pytest.raises(RuleInvalid) as caught:
        load_rules(tmp_path, pipelines=[], destinations=[])

    assert ["a.yaml:4", "b.yaml:1"] == [line[:8] for line in str(caught.value).splitlines()]


def test_all_mistakes_of_one_file_are_told_at_once(tmp_path):
    """Of whatever kind: none hides another, in its own rule or in the next one."""
    text = """rules:
- name: first
  match:
    Modalty: CT
    SliceThickness: {at_least: thin, at_most: thick, abut: 3}
    PatientAge: [45, 018Y, 46]
    ImageType: {not: ['a\\b', '']}
  rum: [ct-denoise]
  run: [ct-denoice]
- name: second
  name: third
  match: {Modality: []}
  priority: now
  deliver_to: [pac]
- 3
ruels: []
"""

    assert [
        "site.yaml:11: name stands here twice; the first would be lost",
        "site.yaml:16: no such word: ruels; did you mean rules?",
        "site.yaml:8: rule first: no such word: rum; did you mean run?",
        "site.yaml:4: rule first: no attribute is called Modalty; did you mean Modality?",
        "site.yaml:5: rule first: SliceThickness holds numbers, and thin is none",
        "site.yaml:5: rule first: SliceThickness holds numbers, and thick is none",
        "site.yaml:5: rule first: SliceThickness: no such word: abut "
        "(at_least, at_most, not, present)",
        "site.yaml:6: rule first: PatientAge holds ages such as 018Y or 006M, and 45 is none",
        "site.yaml:6: rule first: PatientAge holds ages such as 018Y or 006M, and 46 is none",
        "site.yaml:7: rule first: ImageType: no value holds a backslash; write a list instead",
        "site.yaml:7: rule first: ImageType: the value is empty; write present: false for that",
        "site.yaml:9: rule first: no pipeline is called ct-denoice; did you mean ct-denoise?",
        "site.yaml:13: rule third: priority: input should be 'routine', 'urgent' or 'stat'",
        "site.yaml:12: rule third: Modality: the list of values is empty",
        "site.yaml:14: rule third: no destination is called pac; did you mean pacs?",
        "site.yaml:15: rule 3: a rule is a map with keys such as name, match and run",
    ] == mistakes(tmp_path, text)


def test_a_name_is_used_once(tmp_path):
    for file in ("a.yaml", "b.yaml"):
        (tmp_path / file).write_text(RULE + "  stop: true\n", encoding="utf-8")

    with pytest.raises(RuleInvalid, match=r"^b.yaml: rule a: a.yaml has one of that name$"):
        load_rules(tmp_path, pipelines=[], destinations=[])


def test_files_are_read_in_the_order_of_their_names(tmp_path):
    for file in ("20.yaml", "10.yml", "30.yaml"):
        text = RULE.replace("name: a", f"name: r{file[:2]}") + "  stop: true\n"
        (tmp_path / file).write_text(text, encoding="utf-8")

    rules = load_rules(tmp_path, pipelines=[], destinations=[])

    assert ["r10", "r20", "r30"] == [rule.name for rule in rules.rules]


def test_a_folder_without_rules_is_refused(tmp_path):
    with pytest.raises(RuleInvalid, match="holds no rule files"):
        load_rules(tmp_path / "absent", pipelines=[], destinations=[])


def test_a_file_that_is_not_utf_8_is_refused(tmp_path):
    (tmp_path / "a.yaml").write_bytes(b"rules: \xff")

    with pytest.raises(RuleInvalid, match=r"^a.yaml:1: not UTF-8 text$"):
        load_rules(tmp_path, pipelines=[], destinations=[])


def test_a_folder_named_like_a_rule_file_is_named(tmp_path):
    (tmp_path / "a.yaml").mkdir()

    with pytest.raises(RuleInvalid, match=r"^a.yaml: Is a directory$"):
        load_rules(tmp_path, pipelines=[], destinations=[])
