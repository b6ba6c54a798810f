"""How a rule file is shaped: its words, and every place where a file is shaped otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from dicom_node.config import Priority
from dicom_node.routing.attributes import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic_core import ErrorDetails

    from dicom_node.routing.yaml_lines import Path, Read, Tree


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class StepModel(_Strict):
    """One entry of ``run``."""

    pipeline: str
    parameters: dict[str, str] = {}


def _named(step: object) -> object:
    return {"pipeline": step} if isinstance(step, str) else step


class RuleModel(_Strict):
    """One entry of ``rules``."""

    name: str = Field(min_length=1, max_length=64)
    note: str = ""
    enabled: bool = True
    match: dict[str, Any] = {}
    any_of: list[dict[str, Any]] = []
    run: list[Annotated[StepModel, BeforeValidator(_named)]] = []
    priority: Priority = "routine"
    deliver_to: list[str] | None = None
    stop: bool = False


class FileModel(_Strict):
    """A rule file; each of its rules is looked at by itself."""

    rules: list[Any]


def problems_with(model: type[_Strict], tree: Tree, at: Path = ()) -> list[ErrorDetails]:
    """How `tree`, which stands `at` that path, is not shaped like the model."""
    try:
        model.model_validate(tree)
    except ValidationError as error:
        return [{**problem, "loc": (*at, *problem["loc"])} for problem in error.errors()]
    return []


def sound_part(entry: Tree, problems: list[ErrorDetails]) -> RuleModel:
    """A rule without its misshaped keys, so that what the others say can be checked."""
    whole = entry if isinstance(entry, dict) else {}
    misshaped = {problem["loc"][2] for problem in problems if len(problem["loc"]) > 2}
    sound = {key: part for key, part in whole.items() if key not in misshaped}
    return RuleModel.model_validate({"name": "?", **sound})


def explain(problems: list[ErrorDetails], read: Read) -> Iterator[str]:
    """Each problem as ``line: what is wrong``."""
    for problem in problems:
        where = problem["loc"]
        word = str(where[-1]) if where else "the file"
        if problem["type"] == "extra_forbidden":
            message = f"no such word: {word}{nearest(word, _words_at(where))}"
        elif problem["type"] == "missing":
            message = f"{word} is missing"
        elif problem["type"] == "model_type":
            message = _SHAPES[min(len(where), len(_SHAPES) - 1)]
        else:
            message = f"{word}: {problem['msg'][0].lower()}{problem['msg'][1:]}"
        yield f"{read.line_of(where)}: {rule_name(read.tree, where)}{message}"


_SHAPES = (  # by the depth at which one is missed
    "a rule file is a map with the key rules",
    "rules are a list",
    "a rule is a map with keys such as name, match and run",
    "a step is the name of a pipeline, or a map with the key pipeline",
)


def _words_at(where: Path) -> list[str]:
    if len(where) == 1:
        return list(FileModel.model_fields)
    return list((StepModel if "run" in where else RuleModel).model_fields)


def rule_name(tree: Tree, where: Path) -> str:
    """``rule NAME: ``, where the path leads into a rule; its number stands in for its name."""
    if len(where) < 2 or not isinstance(where[1], int):
        return ""
    rules = tree["rules"] if isinstance(tree, dict) else []
    rule = rules[where[1]] if isinstance(rules, list) else {}
    name = rule.get("name") if isinstance(rule, dict) else None
    return f"rule {name or where[1] + 1}: "
