"""All enabled rules, in order, on every series of a study: which jobs, and why. Pure.

A series made by a node of this product is never processed again, whatever the rules say. A rule
with ``stop`` ends the list for that series. Two rules that ask for the same pipeline with the same
parameters on the same series make one job, for the destinations of both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dicom_node.routing.explain import explain, pass_over
from dicom_node.routing.match import values_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dicom_node.routing.rule_set import Rule, RuleSet, Step


@dataclass(frozen=True, slots=True)
class SeriesHeader:
    """A series as rules see it: keyword -> value or values, and the pseudo-attributes."""

    series_uid: str
    values: Mapping[str, str | Sequence[str]]


@dataclass(frozen=True, slots=True)
class JobSpec:
    """One pipeline to be run on one series; `priority` is the rule's, the study's may be higher."""

    series_uid: str
    rule: str
    pipeline: str
    parameters: dict[str, Any]
    priority: int
    destinations: list[str]


@dataclass(frozen=True, slots=True)
class Decided:
    """The jobs of one study revision and the reasons; `explanation` is JSON (see `explain`)."""

    jobs: list[JobSpec]
    explanation: list[dict[str, Any]]


def decide(
    rules: RuleSet, series: Sequence[SeriesHeader], default_destinations: Sequence[str]
) -> Decided:
    """Ask every rule about every series.

    Returns
    -------
    Decided
        One explanation entry per series, in the order given: ``series_uid``, ``modality``,
        ``verdict`` (``runs``, ``excluded``, ``no rule``, ``own result``), ``reason`` in words, and
        ``rules`` as made by `explain.explain`.
    """
    decided = [_decide_one(rules, one, default_destinations) for one in series]
    return Decided(
        jobs=[job for jobs, _explanation in decided for job in jobs],
        explanation=[explanation for _jobs, explanation in decided],
    )


def _decide_one(
    rules: RuleSet, series: SeriesHeader, default_destinations: Sequence[str]
) -> tuple[list[JobSpec], dict[str, Any]]:
    if "YES" in values_of(series.values, "OwnResult"):
        return [], _about(series, "own result", "made by this node: never processed again", [])
    jobs: dict[tuple[str, str], JobSpec] = {}
    said: list[dict[str, Any]] = []
    stopped_by: Rule | None = None
    for rule in rules.rules:
        if stopped_by:
            said.append(pass_over(rule, stopped_by.name))
            continue
        answer = explain(rule, series.values)
        said.append(answer)
        if answer["verdict"] == "matched":
            for step in rule.run:
                _add(jobs, _job(rule, step, series, default_destinations))
            stopped_by = rule if rule.stop else None
    return list(jobs.values()), _about(series, *_sum_up(list(jobs.values()), stopped_by), said)


def _sum_up(jobs: list[JobSpec], stopped_by: Rule | None) -> tuple[str, str]:
    if jobs:
        return "runs", f"runs {', '.join(job.pipeline for job in jobs)}"
    if stopped_by:
        return "excluded", f"excluded by {stopped_by.name}: {stopped_by.note}".rstrip(": ")
    return "no rule", "no rule matched"


def _job(
    rule: Rule, step: Step, series: SeriesHeader, default_destinations: Sequence[str]
) -> JobSpec:
    return JobSpec(
        series_uid=series.series_uid,
        rule=rule.name,
        pipeline=step.pipeline,
        parameters=dict(step.parameters),
        priority=rule.priority,
        destinations=list(default_destinations if rule.deliver_to is None else rule.deliver_to),
    )


def _add(jobs: dict[tuple[str, str], JobSpec], job: JobSpec) -> None:
    key = (job.pipeline, repr(sorted(job.parameters.items())))
    first = jobs.get(key)
    if first is None:
        jobs[key] = job
        return
    jobs[key] = replace(
        first,
        priority=max(first.priority, job.priority),
        destinations=list(dict.fromkeys([*first.destinations, *job.destinations])),
    )


def _about(
    series: SeriesHeader, verdict: str, reason: str, said: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "series_uid": series.series_uid,
        "modality": next(iter(values_of(series.values, "Modality")), ""),
        "verdict": verdict,
        "reason": reason,
        "rules": said,
    }
