"""Reads settings from a TOML file and from the environment, and says plainly what is wrong.

A setting in the environment is named ``DICOM_NODE_<SECTION>__<SETTING>``, a peer's
``DICOM_NODE_PEERS__<NAME>__<SETTING>``, in capitals; it wins over the file. Lists are written as in
TOML: ``DICOM_NODE_JOBS__SLOTS=["cuda:0", "cuda:1"]``.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from dicom_node.config.audit import RepositorySection
from dicom_node.config.doors import TitleSection
from dicom_node.config.profiles import ProfileSection
from dicom_node.config.research import ResearchSection
from dicom_node.config.settings import PeerSection, Settings
from dicom_node.errors import ConfigInvalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

ENVIRONMENT_PREFIX = "DICOM_NODE_"
# As many sections of these kinds as there are names.
NAMED: dict[str, type[BaseModel]] = {
    "peers": PeerSection, "profiles": ProfileSection, "repositories": RepositorySection,
    "research": ResearchSection, "titles": TitleSection,
}  # fmt: skip
Where = tuple[str, ...]


def load_settings(
    path: Path | None = None, environment: Mapping[str, str] | None = None
) -> Settings:
    """Settings from `path` (or defaults) with the environment on top.

    Parameters
    ----------
    environment : mapping of str to str, optional
        The process's own by default.

    Raises
    ------
    ConfigInvalid
        With one line for every setting that is wrong.
    """
    values = _read(path) if path is not None else {}
    named = _overlay(values, os.environ if environment is None else environment)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        lines = (_explain(problem, path, named) for problem in error.errors())
        raise ConfigInvalid("\n".join(lines)) from None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigInvalid(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigInvalid(f"{path}: not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigInvalid(f"{path}: not TOML: {error}") from None


def _overlay(values: dict[str, Any], environment: Mapping[str, str]) -> dict[Where, str]:
    """Put the environment's settings into `values`; give the variable's name by its place."""
    named: dict[Where, str] = {}
    for name in sorted(environment):
        if not name.startswith(ENVIRONMENT_PREFIX) or "__" not in name:
            continue
        where = tuple(name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__"))
        section = values
        for part in where[:-1]:
            section = section.setdefault(part, {})
            if not isinstance(section, dict):
                raise ConfigInvalid(f"{name}: {part} is no section")
        section[where[-1]] = _value(name, environment[name])
        named[where] = name
    return named


def _value(name: str, written: str) -> object:
    if not written.startswith("["):
        return written  # numbers, true and false are read from text by the settings themselves
    try:
        return tomllib.loads(f"list = {written}")["list"]
    except tomllib.TOMLDecodeError:
        raise ConfigInvalid(f'{name}: a list is written like ["cuda:0", "cuda:1"]') from None


def _explain(problem: Any, path: Path | None, named: Mapping[Where, str]) -> str:  # noqa: ANN401 - pydantic's ErrorDetails
    where = tuple(str(part) for part in problem["loc"] if part != "[key]")
    source = _source(where, named) or (str(path) if path else "settings")
    if problem["type"] == "extra_forbidden":
        return f"{source}: {_no_such(where)}"
    if problem["type"] in ("model_type", "model_attributes_type", "dict_type"):
        section = ".".join(where)
        return f"{source}: {_spell(where)}: this is a section: write [{section}] and its settings"
    message = problem["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:] if problem["type"] != "value_error" else message
    return f"{source}: {_spell(where)}: {message}" if where else f"{source}: {message}"


def _source(where: Where, named: Mapping[Where, str]) -> str:
    """The variable that set the place `where`, or something in it; empty when the file did."""
    return next((name for place, name in named.items() if place[: len(where)] == where), "")


def _no_such(where: Where) -> str:
    if len(where) == 1:
        found = _nearest(where[0], Settings.model_fields)
        return f"[{where[0]}]: no such section" + (f"; did you mean [{found}]?" if found else "")
    fields = _fields(where[:-1])
    found = _nearest(where[-1], fields)
    return f"{_spell(where)}: no such setting" + (f"; did you mean {found}?" if found else "")


def _spell(where: Where) -> str:
    """``[receive] port``; an entry of a list by its place from 1: ``[jobs] slots 2``."""
    if len(where) == 1:
        return f"[{where[0]}]"
    depth = 2 if where[0] in NAMED else 1
    section, names = where[:depth], where[depth:]
    rest = " ".join(str(int(name) + 1) if name.isdecimal() else name for name in names)
    return f"[{'.'.join(section)}] {rest}".rstrip()


def _fields(section: Where) -> Iterable[str]:
    if section[0] in NAMED:
        return NAMED[section[0]].model_fields
    kind = Settings.model_fields[section[0]].annotation
    return kind.model_fields if isinstance(kind, type) and issubclass(kind, BaseModel) else ()


def _nearest(word: str, words: Iterable[str]) -> str:
    found = difflib.get_close_matches(word.lower(), list(words), n=1, cutoff=0.5)
    return found[0] if found else ""
