"""All enabled rules, in order, on every series of a study: which jobs, and why. Pure.

A series made by a node of this product is never processed again, whatever the rules say. A rule
with ``stop`` ends the list for that series. What was received under an AE title that only stores is
asked about by no rule. Two rules that ask for the same pipeline with the same
parameters on the same series make one job, for the destinations of both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from dicom_node.routing.explain import explain, pass_over
from dicom_node.routing.match import values_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dicom_node.routing.rule_set import Rule, RuleSet, Step
    from dicom_node.routing.titles import Title


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
    rules: RuleSet,
    series: Sequence[SeriesHeader],
    default_destinations: Sequence[str],
    titles: Mapping[str, Title] = MappingProxyType({}),
) -> Decided:
    """Ask every rule about every series.

    Parameters
    ----------
    titles : mapping of str to Title, optional
        The node's further AE titles; a series belongs to the one in its CalledAETitle.

    Returns
    -------
    Decided
        One explanation entry per series, in the order given: ``series_uid``, ``modality``,
        ``verdict`` (``runs``, ``excluded``, ``no rule``, ``own result``, ``stored only``),
        ``reason`` in words, and ``rules`` as made by `explain.explain`.
    """
    decided = [_decide_one(rules, one, default_destinations, titles) for one in series]
    return Decided(
        jobs=[job for jobs, _explanation in decided for job in jobs],
        explanation=[explanation for _jobs, explanation in decided],
    )


def _decide_one(
    rules: RuleSet,
    series: SeriesHeader,
    default_destinations: Sequence[str],
    titles: Mapping[str, Title],
) -> tuple[list[JobSpec], dict[str, Any]]:
    if "YES" in values_of(series.values, "OwnResult"):
        return [], _about(series, "own result", "made by this node: never processed again", [])
    called = next(iter(values_of(series.values, "CalledAETitle")), "")
    title = titles.get(called)
    if title and not title.process:
        reason = f"received as {called}: stored only ([titles.{title.name}] process = false)"
        return [], _about(series, "stored only", reason, [])
    destinations = (title and title.destinations) or default_destinations
    jobs, said, stopped_by = _ask(rules, series, destinations)
    verdict, reason = _sum_up(jobs, stopped_by)
    if title and title.destinations and jobs:
        names = ", ".join(title.destinations)
        reason += f"; received as {called}: results go to {names} unless a rule says otherwise"
    return jobs, _about(series, verdict, reason, said)


def _ask(
    rules: RuleSet, series: SeriesHeader, destinations: Sequence[str]
) -> tuple[list[JobSpec], list[dict[str, Any]], Rule | None]:
    """The jobs, what each rule says, and the rule that ended the list."""
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
                _add(jobs, _job(rule, step, series, destinations))
            stopped_by = rule if rule.stop else None
    return list(jobs.values()), said, stopped_by


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
