from __future__ import annotations

import json

from dicom_node.routing.decide import JobSpec, SeriesHeader, decide
from dicom_node.routing.explain import render
from dicom_node.routing.match import Not, OneOf
from dicom_node.routing.rule_set import Rule, RuleSet, Step
from dicom_node.routing.titles import Title

IS_CT = (("Modality", OneOf(("CT",))),)


def a_header(series_uid="1.2.3", **values):
    return SeriesHeader(series_uid, {"Modality": "CT", **values})


def a_rule(name="ct", *pipelines, **fields):
    return Rule(name, fields.pop("match", IS_CT), run=tuple(map(Step, pipelines)), **fields)


def jobs_of(*rules, destinations=("pacs",), **values):
    return decide(RuleSet(rules), [a_header(**values)], destinations).jobs


def test_a_match_gives_a_job_for_each_pipeline_in_order():
    jobs = jobs_of(a_rule("ct", "ct-denoise", "ct-segment"))

    assert [
        JobSpec("1.2.3", "ct", "ct-denoise", {}, 0, ["pacs"]),
        JobSpec("1.2.3", "ct", "ct-segment", {}, 0, ["pacs"]),
    ] == jobs


def test_every_enabled_rule_is_asked():
    jobs = jobs_of(a_rule("a", "one"), a_rule("b", "two", enabled=False), a_rule("c", "three"))

    assert ["one", "three"] == [job.pipeline for job in jobs]


def test_stop_ends_the_list_and_says_so():
    decided = decide(RuleSet((a_rule("a", "one", stop=True), a_rule("b", "two"))), [a_header()], [])

    assert ["one"] == [job.pipeline for job in decided.jobs]
    assert ["matched", "not reached"] == [
        rule["verdict"] for rule in decided.explanation[0]["rules"]
    ]
    assert "a stopped before it" == decided.explanation[0]["rules"][1]["note"]


def test_a_stop_that_does_not_match_stops_nothing():
    never = (("Modality", OneOf(("XA",))),)

    assert ["two"] == [
        job.pipeline for job in jobs_of(a_rule("a", match=never, stop=True), a_rule("b", "two"))
    ]


def test_an_exclusion_is_explained_by_its_note():
    rule = a_rule("localizer", stop=True, note="a localizer is for planning only")
    explanation = decide(RuleSet((rule, a_rule("ct", "one"))), [a_header()], []).explanation

    assert "excluded" == explanation[0]["verdict"]
    assert "excluded by localizer: a localizer is for planning only" == explanation[0]["reason"]


def test_an_own_result_is_never_processed_and_says_so():
    decided = decide(RuleSet((a_rule("ct", "one"),)), [a_header(OwnResult="YES")], [])

    assert [] == decided.jobs
    assert "own result" == decided.explanation[0]["verdict"]
    assert "never processed again" in decided.explanation[0]["reason"]


def test_an_own_result_is_told_by_yes_alone():
    assert 1 == len(jobs_of(a_rule("ct", "one"), OwnResult="NO"))


def test_any_of_needs_one_block_and_match_besides():
    blocks = (
        (("BodyPartExamined", OneOf(("CHEST",))),),
        (("StudyDescription", OneOf(("*lung*",))),),
    )
    rule = a_rule("lung", "one", any_of=blocks)

    assert 1 == len(jobs_of(rule, BodyPartExamined="CHEST"))
    assert 1 == len(jobs_of(rule, StudyDescription="a lung scan"))
    assert [] == jobs_of(rule)
    assert [] == jobs_of(rule, Modality="MR", BodyPartExamined="CHEST")


def test_any_of_alone_is_enough():
    rule = a_rule("lung", "one", match=(), any_of=((("Modality", OneOf(("MR",))),),))

    assert [] == jobs_of(rule)
    assert 1 == len(jobs_of(rule, Modality="MR"))


def test_priority_is_the_rules():
    assert 50 == jobs_of(a_rule("ct", "one", priority=50))[0].priority
    assert 0 == jobs_of(a_rule("ct", "one"))[0].priority


def test_destinations_come_from_the_rule_or_the_default():
    assert ["pacs"] == jobs_of(a_rule("ct", "one"))[0].destinations
    assert ["other"] == jobs_of(a_rule("ct", "one", deliver_to=("other",)))[0].destinations
    assert [] == jobs_of(a_rule("ct", "one", deliver_to=()))[0].destinations


def test_two_rules_for_the_same_work_make_one_job_for_both_destinations():
    jobs = jobs_of(
        a_rule("a", "one", deliver_to=("x", "y")),
        a_rule("b", "one", deliver_to=("y", "z"), priority=100),
    )

    assert [JobSpec("1.2.3", "a", "one", {}, 100, ["x", "y", "z"])] == jobs


def test_other_parameters_are_other_work():
    mild, strong = Step("one", {"strength": 1}), Step("one", {"strength": 2})
    jobs = jobs_of(Rule("a", IS_CT, run=(mild, strong)))

    assert [{"strength": 1}, {"strength": 2}] == [job.parameters for job in jobs]


def test_each_series_gets_its_own_answer():
    series = [a_header("1.1"), a_header("1.2", Modality="MR"), SeriesHeader("1.3", {})]
    decided = decide(RuleSet((a_rule("ct", "one"),)), series, [])

    assert ["1.1"] == [job.series_uid for job in decided.jobs]
    assert ["runs", "no rule", "no rule"] == [one["verdict"] for one in decided.explanation]
    assert ["CT", "MR", ""] == [one["modality"] for one in decided.explanation]


def test_a_row_for_every_condition():
    rule = a_rule(
        "ct",
        "one",
        match=(*IS_CT, ("ImageType", Not(OneOf(("LOCALIZER",))))),
        any_of=((("BodyPartExamined", OneOf(("CHEST",))),),),
    )
    header = a_header(ImageType=["ORIGINAL", "PRIMARY"])
    rows = decide(RuleSet((rule,)), [header], []).explanation[0]["rules"][0]["rows"]

    assert [
        {"block": "match", "attribute": "Modality", "wanted": "CT", "found": "CT", "verdict": True},
        {
            "block": "match",
            "attribute": "ImageType",
            "wanted": "not LOCALIZER",
            "found": "ORIGINAL\\PRIMARY",
            "verdict": True,
        },
        {
            "block": "any_of 1",
            "attribute": "BodyPartExamined",
            "wanted": "CHEST",
            "found": "",
            "verdict": False,
        },
    ] == rows


def test_the_explanation_survives_json_and_is_shown_line_by_line():
    decided = decide(
        RuleSet((a_rule("ct", "one"), a_rule("off", "two", enabled=False))),
        [a_header(), a_header(Modality="MR")],
        [],
    )
    stored = json.loads(json.dumps(decided.explanation))

    assert stored == decided.explanation
    assert [
        "series 1 CT: runs one",
        "  rule ct: matched -> one",
        "    yes Modality: wanted CT, found CT",
        "  rule off: disabled",
        "    yes Modality: wanted CT, found CT",
        "series 2 MR: no rule matched",
        "  rule ct: not matched",
        "    no  Modality: wanted CT, found MR",
        "  rule off: disabled",
        "    no  Modality: wanted CT, found MR",
    ] == render(stored)


def test_a_long_value_is_shortened_in_the_row():
    rows = decide(RuleSet((a_rule(),)), [a_header(Modality="C" * 500)], []).explanation[0]["rules"]

    assert 120 == len(rows[0]["rows"][0]["found"])


TITLES = {
    "ARCHIVE": Title("archive", process=False),
    "STAT": Title("stat", destinations=("emergency", "pacs-2")),
    "BOTH": Title("both"),
}


def decided_under(called, *rules):
    return decide(RuleSet(rules), [a_header(CalledAETitle=called)], ["pacs"], TITLES)


def test_a_title_that_only_stores_asks_no_rule_and_says_so():
    decided = decided_under("ARCHIVE", a_rule("ct", "one"))

    assert [] == decided.jobs
    (said,) = decided.explanation
    assert ("stored only", []) == (said["verdict"], said["rules"])
    assert "received as ARCHIVE: stored only ([titles.archive] process = false)" == said["reason"]


def test_a_title_s_destinations_take_the_place_of_the_usual_ones():
    decided = decided_under("STAT", a_rule("ct", "one"))

    assert ["emergency", "pacs-2"] == decided.jobs[0].destinations
    assert (
        "runs one; received as STAT: results go to emergency, pacs-2 unless a rule says otherwise"
        == decided.explanation[0]["reason"]
    )


def test_what_a_rule_says_of_destinations_counts_more_than_the_title():
    assert ["other"] == decided_under("STAT", a_rule("ct", "one", deliver_to=("other",))).jobs[
        0
    ].destinations


def test_a_title_that_says_nothing_and_one_that_nobody_knows_change_nothing():
    for called in ("BOTH", "DICOM_NODE", ""):
        decided = decided_under(called, a_rule("ct", "one"))

        assert ["pacs"] == decided.jobs[0].destinations
        assert "runs one" == decided.explanation[0]["reason"]


def test_an_own_result_is_told_before_the_title():
    header = a_header(OwnResult="YES", CalledAETitle="ARCHIVE")

    assert "own result" == decide(RuleSet(()), [header], [], TITLES).explanation[0]["verdict"]
