"""Changes the product from outside, in processes that tests start with this folder on their path.

``STUB_CARDS``: the folder of model cards to use instead of the shipped ones.
``KILL_FILE``: while this file holds ``<point> <n>``, the n-th call from now of the point's function
in any one process kills the whole process group, as a power cut would.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import os
import signal
import sys
from functools import wraps
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

POINTS = {
    "dicom_node.intake.receive": ("receiving", "Intake.taken"),
    "dicom_node.intake.settle": ("settling", "input_key"),
    "pipelines.run": ("in the pipeline", "check_result"),
    "dicom_node.jobs.publish": ("publishing", "_keep"),
    "dicom_node.net.scu": ("sending", "_store"),
}
CARDS = "pipelines.registry"


class Changes(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the modules that are to be changed, loads them as usual, then changes them."""

    def __init__(self) -> None:
        self._loaders: dict[str, importlib.abc.Loader] = {}

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if name in self._loaders or name not in {*POINTS, CARDS}:
            return None
        self._loaders[name] = None  # type: ignore[assignment] - so that the next look passes over
        spec = importlib.util.find_spec(name)
        self._loaders[name] = spec.loader
        spec.loader = self
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loaders[spec.name].create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loaders[module.__name__].exec_module(module)
        if module.__name__ == CARDS:
            if "STUB_CARDS" in os.environ:
                module.load_cards.__defaults__ = (Path(os.environ["STUB_CARDS"]),)
        elif "KILL_FILE" in os.environ:
            point, function = POINTS[module.__name__]
            _replace(module, function.split("."), point)


def _replace(owner: Any, names: list[str], point: str) -> None:
    for name in names[:-1]:
        owner = getattr(owner, name)
    setattr(owner, names[-1], _deadly(getattr(owner, names[-1]), point))


def _deadly(function: Any, point: str) -> Any:
    calls = 0
    file = Path(os.environ["KILL_FILE"])

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        result = function(*args, **kwargs)
        try:
            armed, _, wanted = file.read_text().rpartition(" ")
        except FileNotFoundError:
            return result
        if armed == point:
            calls += 1
            if calls == int(wanted):
                file.unlink()
                os.killpg(0, signal.SIGKILL)
        return result

    return call


if {"STUB_CARDS", "KILL_FILE"} & os.environ.keys():
    sys.meta_path.insert(0, Changes())
