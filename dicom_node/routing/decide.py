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

# Requested Procedure Priority (0040,1003), for rules that name no priority of their own.
_REQUESTED = {"STAT": 100, "HIGH": 50}


@dataclass(frozen=True, slots=True)
class SeriesHeader:
    """A series as rules see it: keyword -> value or values, and the pseudo-attributes."""

    series_uid: str
    values: Mapping[str, str | Sequence[str]]


@dataclass(frozen=True, slots=True)
class JobSpec:
    """One pipeline to be run on one series."""

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
    stopped_by = excluded_by = None
    for rule in rules.rules:
        if stopped_by:
            said.append(pass_over(rule, stopped_by.name))
            continue
        answer = explain(rule, series.values)
        said.append(answer)
        if answer["verdict"] != "matched":
            continue
        for step in rule.run:
            _add(jobs, _job(rule, step, series, default_destinations))
        stopped_by = rule if rule.stop else None
        excluded_by = excluded_by or (None if rule.run else rule)
    if jobs:
        names = ", ".join(job.pipeline for job in jobs.values())
        return list(jobs.values()), _about(series, "runs", f"runs {names}", said)
    if excluded_by:
        reason = f"excluded by {excluded_by.name}" + f": {excluded_by.note}" * bool(
            excluded_by.note
        )
        return [], _about(series, "excluded", reason, said)
    return [], _about(series, "no rule", "no rule matched", said)


def _job(
    rule: Rule, step: Step, series: SeriesHeader, default_destinations: Sequence[str]
) -> JobSpec:
    requested = values_of(series.values, "RequestedProcedurePriority")
    return JobSpec(
        series_uid=series.series_uid,
        rule=rule.name,
        pipeline=step.pipeline,
        parameters=dict(step.parameters),
        priority=max((_REQUESTED.get(word, 0) for word in requested), default=0)
        if rule.priority is None
        else rule.priority,
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
