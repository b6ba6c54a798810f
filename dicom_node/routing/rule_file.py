"""One rule file: YAML in, `Rule`s out, or every mistake in it with its line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicom_node.config import PRIORITIES
from dicom_node.errors import RuleInvalid
from dicom_node.routing.attributes import nearest
from dicom_node.routing.conditions import mistakes_in, read_block
from dicom_node.routing.rule_set import Rule, Step
from dicom_node.routing.rule_shape import (
    FileModel,
    RuleModel,
    StepModel,
    explain,
    problems_with,
    rule_name,
    sound_part,
)
from dicom_node.routing.yaml_lines import Path, Read, Tree, read_yaml

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterable, Iterator

    from dicom_node.routing.rule_set import Known


def read_rule_file(path: pathlib.Path, known: Known) -> tuple[list[Rule], list[str]]:
    """The rules of one file, and its mistakes as ``file:line: what is wrong``."""
    try:
        read = read_yaml(path.read_text(encoding="utf-8"))
    except RuleInvalid as error:
        return [], [f"{path.name}:{error}"]
    except UnicodeDecodeError:
        return [], [f"{path.name}:1: not UTF-8 text"]
    except OSError as error:
        return [], [f"{path.name}: {error.strerror}"]
    mistakes = [*read.mistakes, *explain(problems_with(FileModel, read.tree), read)]
    rules = []
    for index, entry in enumerate(_entries(read.tree)):
        at: Path = ("rules", index)
        problems = problems_with(RuleModel, entry, at)
        wrong = list(explain(problems, read))
        rule = sound_part(entry, problems)
        if not wrong:
            wrong.extend(_told(_check_purpose(rule), at, read))
        wrong.extend(_told(_check_names(rule, known), at, read))
        mistakes.extend(wrong)
        if not wrong:
            rules.append(_build(rule, path.name, known))
    return rules, [f"{path.name}:{line}" for line in mistakes]


def _entries(tree: Tree) -> list[Tree]:
    entries = tree.get("rules") if isinstance(tree, dict) else None
    return entries if isinstance(entries, list) else []


def _build(model: RuleModel, file: str, known: Known) -> Rule:
    return Rule(
        name=model.name,
        note=model.note,
        enabled=model.enabled,
        match=read_block(model.match, known.attributes),
        any_of=tuple(read_block(block, known.attributes) for block in model.any_of),
        run=tuple(
            Step(step.pipeline, {key: _typed(text) for key, text in step.parameters.items()})
            for step in model.run
        ),
        priority=PRIORITIES[model.priority],
        deliver_to=None if model.deliver_to is None else tuple(model.deliver_to),
        stop=model.stop,
        file=file,
    )


Mistake = tuple[Path, str]


def _told(mistakes: Iterable[Mistake], at: Path, read: Read) -> Iterator[str]:
    for where, message in mistakes:
        path = (*at, *where)
        yield f"{read.line_of(path)}: {rule_name(read.tree, path)}{message}"


def _check_purpose(rule: RuleModel) -> Iterator[Mistake]:
    if not rule.match and not rule.any_of:
        yield (), 'it matches nothing in particular: give it match (Modality: "*" is every series)'
    if not rule.run and not rule.stop:
        yield (), "it does nothing: give it run, or stop: true to exclude what it matches"


def _check_names(rule: RuleModel, known: Known) -> Iterator[Mistake]:
    yield from _check_block(rule.match, ("match",), known)
    for number, block in enumerate(rule.any_of):
        yield from _check_block(block, ("any_of", number), known)
        if not block:
            yield ("any_of", number), "an alternative holds no condition"
    for number, step in enumerate(rule.run):
        yield from _check_step(step, ("run", number), known)
    for number, name in enumerate(rule.deliver_to or []):
        if name not in known.destinations:
            hint = nearest(name, known.destinations)
            yield ("deliver_to", number), f"no destination is called {name}{hint}"


def _check_block(block: dict[str, Any], where: Path, known: Known) -> Iterator[Mistake]:
    for attribute, wanted in block.items():
        for mistake in mistakes_in(attribute, wanted, known.attributes):
            yield (*where, attribute), mistake


def _check_step(step: StepModel, where: Path, known: Known) -> Iterator[Mistake]:
    if step.pipeline not in known.pipelines:
        hint = nearest(step.pipeline, known.pipelines)
        yield where, f"no pipeline is called {step.pipeline}{hint}"
        return
    parameters = known.parameters.get(step.pipeline)
    for key in step.parameters if parameters is not None else ():
        if parameters is not None and key not in parameters:
            hint = nearest(key, parameters)
            yield (*where, "parameters", key), f"{step.pipeline} has no parameter {key}{hint}"


def _typed(text: str) -> int | float | str | bool:
    """A parameter as a number or yes/no where it reads like one."""
    if text in ("true", "false"):
        return text == "true"
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text
