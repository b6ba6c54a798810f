"""Makes ``tables.json`` from the standard's tables in the PyPI wheel `dicom_standard` 0.1.0.

Run by hand, never by the node::

    python -m pipelines.conformance.make_tables FOLDER_OF_THE_WHEEL/data/standard

It keeps, for the IODs that the node writes, each attribute's type on every level of nesting, and
drops what demands nothing (type 3 without anything required inside). Equal tables are kept once
and named by their number, as every code sequence has the same one.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pydicom.datadict import keyword_for_tag

EDITION = "PS3.3 2020b, from the PyPI wheel dicom_standard 0.1.0"
IODS = (
    "cr-image", "ct-image", "mr-image", "pet-image", "digital-x-ray-image",
    "digital-mammography-x-ray-image", "us-image", "us-multi-frame-image",
    "x-ray-angiographic-image", "nm-image", "secondary-capture-image", "enhanced-ct-image",
    "enhanced-mr-image", "enhanced-pet-image", "segmentation", "comprehensive-sr",
    "comprehensive-3d-sr", "grayscale-softcopy-presentation-state",
    "key-object-selection-document", "parametric-map", "rt-structure-set",
)  # fmt: skip
YOUNGER = {"1.2.840.10008.5.1.4.1.1.66.7": "segmentation"}  # Label Map Segmentation, 2024d
_OBSERVATIONS, _STRUCTURE = "30060080", "00082228"
STRICTNESS = ("3", "2C", "2", "1C", "1")

Tree = dict[str, tuple[str, "Tree"]]
Interned = list[dict[str, Any]]


def make(folder: Path) -> dict[str, Any]:
    """The tables as one value of JSON."""
    modules = _trees(_read(folder, "module_to_attributes"))
    macros = _trees(_read(folder, "macro_to_attributes"))
    tables: Interned = []
    seen: dict[str, int] = {}
    iods: dict[str, Any] = {
        iod: {
            "modules": _parts(_read(folder, "ciod_to_modules"), iod, "moduleId"),
            "macros": _parts(_read(folder, "ciod_to_fg_macros"), iod, "macroId"),
        }
        for iod in IODS
    }
    used = {part for iod in iods.values() for part in iod["modules"]}
    used_macros = {part for iod in iods.values() for part in iod["macros"]}
    names = {each["name"]: each["id"] for each in _read(folder, "ciods")}
    classes = {each["id"]: names.get(each["ciod"]) for each in _read(folder, "sops")} | YOUNGER
    return {
        "edition": EDITION,
        "iods": iods,
        "classes": {uid: iod for uid, iod in sorted(classes.items()) if iod in iods},
        "modules": {name: _intern(modules.get(name, {}), tables, seen) for name in sorted(used)},
        "macros": {
            name: _intern(macros.get(name, {}), tables, seen) for name in sorted(used_macros)
        },
        "tables": tables,
    }


def _read(folder: Path, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((folder / f"{name}.json").read_text("utf-8"))
    return rows


def _parts(rows: list[dict[str, Any]], iod: str, key: str) -> dict[str, str]:
    """Modules or macros of an IOD with their usage: M, C or U."""
    return {row[key]: row["usage"][0] for row in rows if row["ciodId"] == iod}


def _trees(rows: list[dict[str, Any]]) -> dict[str, Tree]:
    """Every module or macro as a tree of keywords, each with its strictest type."""
    trees: dict[str, Tree] = {}
    for row in rows:
        name, *path = row["path"].split(":")
        if any("x" in part.lower() for part in path):
            continue  # repeating groups
        path = _placed(name, path)
        level = trees.setdefault(name, {})
        keywords = [keyword_for_tag(int(part, 16)) for part in path]
        if not all(keywords):
            continue
        for parent in keywords[:-1]:
            level = level.setdefault(parent, ("3", {}))[1]
        kind = row["type"] if row["type"] in STRICTNESS else "3"
        known, inside = level.get(keywords[-1], ("3", {}))
        level[keywords[-1]] = (max(known, kind, key=STRICTNESS.index), inside)
    return trees


def _placed(name: str, path: list[str]) -> list[str]:
    """Where a row belongs: the wheel has some of RT ROI Observations (table C.8-44) elsewhere.

    They are in the items of its sequence, and not below Primary Anatomic Structure Sequence.
    """
    if name != "rt-roi-observations" or path[0] == _OBSERVATIONS:
        return path
    is_below = path[0] == _STRUCTURE and len(path) > 1 and path[1].startswith(("3006", "300a"))
    return [_OBSERVATIONS, *(path[1:] if is_below else path)]


def _intern(tree: Tree, tables: Interned, seen: dict[str, int]) -> int:
    """The number of the table that says what `tree` does."""
    table: dict[str, Any] = {}
    for keyword, (kind, inside) in sorted(tree.items()):
        nested = _intern(inside, tables, seen) if inside else None
        if nested is not None and tables[nested]:
            table[keyword] = [kind, nested]
        elif kind != "3":
            table[keyword] = kind
    text = json.dumps(table, sort_keys=True)
    if text not in seen:
        seen[text] = len(tables)
        tables.append(table)
    return seen[text]


def _write(made: dict[str, Any], path: Path) -> None:
    """One line for each table, so that a new edition reads as a difference."""
    lines = []
    for key, value in made.items():
        if isinstance(value, str):
            lines.append(f"{json.dumps(key)}: {json.dumps(value)}")
            continue
        rows = (
            [f"{json.dumps(name)}: {json.dumps(each)}" for name, each in value.items()]
            if isinstance(value, dict)
            else [json.dumps(each) for each in value]
        )
        brackets = "{}" if isinstance(value, dict) else "[]"
        lines.append(f"{json.dumps(key)}: {brackets[0]}\n" + ",\n".join(rows) + f"\n{brackets[1]}")
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    _write(make(Path(sys.argv[1])), Path(__file__).with_name("tables.json"))
