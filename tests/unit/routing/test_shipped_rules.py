from __future__ import annotations

import shutil

import pytest

from dicom_node.routing.check import check_rules
from dicom_node.routing.rule import SHIPPED_RULES
from dicom_node.routing.rule_set import Known
from pipelines.registry import load_cards


def known() -> Known:
    return Known(pipelines=load_cards(), destinations=[])


def test_the_shipped_rules_are_right_and_all_their_tests_pass():
    checked = check_rules(None, known())

    assert [] == checked.mistakes
    assert checked.passed >= 30


def test_every_shipped_pipeline_is_run_by_a_rule():
    checked = check_rules(None, known())

    assert set(load_cards()) == {step.pipeline for rule in checked.rules.rules for step in rule.run}


def test_every_exclusion_says_why():
    checked = check_rules(None, known())

    assert [] == [rule.name for rule in checked.rules.rules if not rule.run and not rule.note]


def test_every_shipped_rule_has_a_test_that_it_matches():
    text = (SHIPPED_RULES / "tests" / "shipped.yaml").read_text(encoding="utf-8")

    # pet, nm, us and xr are told by the pipelines that run.
    named = {rule.name for rule in check_rules(None, known()).rules.rules if rule.stop}
    assert set() == {name for name in named if f"[{name}]" not in text}


def test_a_rule_test_that_fails_is_told_with_its_line(tmp_path):
    shutil.copytree(SHIPPED_RULES, tmp_path / "rules")
    test = tmp_path / "rules" / "tests" / "mine.yaml"
    test.write_text(
        "tests:\n"
        "- {name: fits, header: {Modality: CT}, rules: [ct]}\n"
        "- {name: scout, header: {Modality: CT}, rules: [localizer], runs: []}\n"
        "- {name: typo, header: {Modalty: CT}, rules: []}\n",
        encoding="utf-8",
    )

    checked = check_rules(tmp_path / "rules", known())

    assert [
        "tests/mine.yaml:3: scout: expected rules localizer, matched ct",
        "tests/mine.yaml:3: scout: expected to run none, would run ct-denoise, ct-segment",
        "tests/mine.yaml:4: typo: no attribute is called Modalty; did you mean Modality?",
    ] == checked.mistakes


def test_a_misshaped_test_hides_no_other(tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "a.yaml").write_text(
        "rules:\n- {name: a, match: {Modality: CT}, stop: true}\n", encoding="utf-8"
    )
    (tmp_path / "tests" / "mine.yaml").write_text(
        "tests:\n- {name: x}\n- {name: y, header: {Modality: CT}, rules: [b]}\n"
        "- {name: z, header: {Modality: CT}, rules: [a]}\n",
        encoding="utf-8",
    )

    checked = check_rules(tmp_path, known())

    assert 1 == checked.passed
    assert [
        "tests/mine.yaml:2: header: Field required",
        "tests/mine.yaml:3: y: expected rules b, matched a",
    ] == checked.mistakes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tests: [", "tests/mine.yaml:1: not YAML"),
        ("tests:\n- {name: a, header: {}}\n", "tests/mine.yaml:2: give rules"),
        ("tests:\n- {name: a, header: {}, rulez: []}\n", "tests/mine.yaml:2: rulez: Extra"),
    ],
)
def test_a_broken_test_file_is_told(tmp_path, text, expected):
    (tmp_path / "tests").mkdir()
    (tmp_path / "a.yaml").write_text(
        "rules:\n- {name: a, match: {Modality: CT}, stop: true}\n", encoding="utf-8"
    )
    (tmp_path / "tests" / "mine.yaml").write_text(text, encoding="utf-8")

    (mistake,) = check_rules(tmp_path, known()).mistakes

    assert mistake.startswith(expected)
