"""One rule file: YAML in, `Rule`s out, or every mistake in it with its line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from dicom_node.config import PRIORITIES, Priority
from dicom_node.errors import RuleInvalid
from dicom_node.routing.attributes import nearest
from dicom_node.routing.conditions import Misworded, read_block
from dicom_node.routing.rule_set import Rule, Step
from dicom_node.routing.yaml_lines import Lines, Path, Tree, read_yaml

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

    from dicom_node.routing.rule_set import Known


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _StepModel(_Strict):
    pipeline: str
    parameters: dict[str, str] = {}


def _named(step: object) -> object:
    return {"pipeline": step} if isinstance(step, str) else step


class _RuleModel(_Strict):
    name: str = Field(min_length=1, max_length=64)
    note: str = ""
    enabled: bool = True
    match: dict[str, Any] = {}
    any_of: list[dict[str, Any]] = []
    run: list[Annotated[_StepModel, BeforeValidator(_named)]] = []
    priority: Priority = "routine"
    deliver_to: list[str] | None = None
    stop: bool = False


class _FileModel(_Strict):
    rules: list[_RuleModel]


def read_rule_file(path: pathlib.Path, known: Known) -> tuple[list[Rule], list[str]]:
    """The rules of one file, and its mistakes as ``file:line: what is wrong``."""
    try:
        tree, lines = read_yaml(path.read_text(encoding="utf-8"))
    except RuleInvalid as error:
        return [], [f"{path.name}:{error}"]
    except UnicodeDecodeError:
        return [], [f"{path.name}:1: not UTF-8 text"]
    except OSError as error:
        return [], [f"{path.name}: {error.strerror}"]
    try:
        model = _FileModel.model_validate(tree)
    except ValidationError as error:
        return [], [f"{path.name}:{line}" for line in _explain(error, tree, lines)]
    rules, mistakes = [], []
    for index, rule in enumerate(model.rules):
        wrong = list(_check(rule, known))
        for where, message in wrong:
            line = _line(lines, ("rules", index, *where))
            mistakes.append(f"{path.name}:{line}: rule {rule.name}: {message}")
        if not wrong:
            rules.append(_build(rule, path.name, known))
    return rules, mistakes


def _build(model: _RuleModel, file: str, known: Known) -> Rule:
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


def _check(rule: _RuleModel, known: Known) -> Iterator[Mistake]:
    if not rule.match and not rule.any_of:
        yield (), 'it matches nothing in particular: give it match (Modality: "*" is every series)'
    if not rule.run and not rule.stop:
        yield (), "it does nothing: give it run, or stop: true to exclude what it matches"
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
        try:
            read_block({attribute: wanted}, known.attributes)
        except Misworded as error:
            yield (*where, attribute), str(error)


def _check_step(step: _StepModel, where: Path, known: Known) -> Iterator[Mistake]:
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


def _explain(error: ValidationError, tree: Tree, lines: Lines) -> Iterator[str]:
    for problem in error.errors():
        where = tuple(problem["loc"])
        name = _rule_name(tree, where)
        word = str(where[-1]) if where else "the file"
        if problem["type"] == "extra_forbidden":
            message = f"no such word: {word}{nearest(word, _words_at(where))}"
        elif problem["type"] == "missing":
            message = f"{word} is missing"
        elif not where:
            message = "a rule file is a map with the key rules"
        else:
            message = f"{word}: {problem['msg'][0].lower()}{problem['msg'][1:]}"
        yield f"{_line(lines, where)}: {name}{message}"


def _words_at(where: Path) -> list[str]:
    if len(where) == 1:
        return list(_FileModel.model_fields)
    return list((_StepModel if "run" in where else _RuleModel).model_fields)


def _rule_name(tree: Tree, where: Path) -> str:
    if len(where) < 2 or not isinstance(where[1], int):
        return ""
    rules = tree["rules"] if isinstance(tree, dict) else []
    rule = rules[where[1]] if isinstance(rules, list) else {}
    name = rule.get("name") if isinstance(rule, dict) else None
    return f"rule {name or where[1] + 1}: "


def _line(lines: Lines, where: Path) -> int:
    """The line of the deepest part of a path that the file holds."""
    while where and where not in lines:
        where = where[:-1]
    return lines.get(where, 1)
