"""PS3.3 as dicom-validator wants it, made from the tables of the PyPI package dicom_standard.

dicom-validator itself would fetch the standard over the network. These tables are of edition 2020b;
attributes that came later are taken from pydicom's dictionary.
"""

from __future__ import annotations

import html
import json
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pydicom.datadict
from dicom_validator.spec_reader.condition import ConditionType
from dicom_validator.spec_reader.condition_parser import ConditionParser
from dicom_validator.spec_reader.serializer import DefinitionEncoder
from dicom_validator.validator.dicom_info import DicomInfo

Row = dict[str, Any]

_TYPES = {"1", "1C", "2", "2C", "3"}
_BINARY_VRS = {"US", "SS", "UL", "SL"}
_FUNCTIONAL_GROUPS = ("(5200,9229)", "(5200,9230)")
_ENUMERATION = re.compile(r"Enumerated Values?(?: for Value 1)?:.*?<dl[^>]*>(.*?)</dl>", re.DOTALL)


@cache
def standard() -> DicomInfo:
    """Dictionary, object definitions and modules of every storage class."""
    dictionary = _dictionary()
    parser = ConditionParser(dictionary)
    modules: Row = {}
    for prefix, table, key in (("M", "module_to_attributes", "moduleId"),
                               ("X", "macro_to_attributes", "macroId")):  # fmt: skip
        for name, attributes in _trees(_table(table), key, dictionary, parser).items():
            modules[f"{prefix}.{name}"] = attributes
    for attributes in modules.values():
        for sequence in _FUNCTIONAL_GROUPS:
            if sequence in attributes:  # dicom-validator fills in the groups by itself
                attributes[sequence]["items"] = {"include": [{"ref": "FuncGroup"}]}
    objects = _objects(parser)
    for each in objects.values():
        for part in (*each["modules"].values(), *each["group_macros"].values()):
            modules.setdefault(part["ref"], {})
    return DicomInfo(dictionary, _plain(objects), _plain(modules))


def _table(name: str) -> list[Row]:
    rows: list[Row] = json.loads(Path(sys.prefix, "standard", f"{name}.json").read_text("utf-8"))
    return rows


def _plain(tree: Row) -> Row:
    """The tree after a round through JSON, in which conditions are dictionaries."""
    plain: Row = json.loads(json.dumps(tree, cls=DefinitionEncoder))
    return plain


def _dictionary() -> Row:
    found = {
        row["tag"]: {
            "name": row["name"],
            "vr": row["valueRepresentation"],
            "vm": row["valueMultiplicity"],
            "prop": "RET" if row["retired"] == "Y" else "",
        }
        for row in _table("attributes")
    }
    for tag, (vr, vm, name, retired, _keyword) in pydicom.datadict.DicomDictionary.items():
        entry = {"name": name, "vr": vr, "vm": vm, "prop": "RET" if retired else ""}
        found.setdefault(f"({tag >> 16:04X},{tag & 0xFFFF:04X})", entry)
    return found


def _trees(rows: list[Row], key: str, dictionary: Row, parser: ConditionParser) -> Row:
    """Every module or macro as a tree of its attributes, items of sequences inside."""
    trees: Row = {}
    for row in rows:
        name, *path = row["path"].split(":")
        if any("x" in step.lower() for step in path):
            continue  # a repeating group
        tags = [f"({step[:4]},{step[4:]})".upper() for step in path]
        if tags[-1] in tags[:-1]:
            continue  # a macro that holds itself
        level = trees.setdefault(row.get(key, name), {})
        for tag in tags[:-1]:
            parent = level.setdefault(tag, {"name": _name(tag, dictionary), "type": "3"})
            level = parent.setdefault("items", {})
        level.setdefault(tags[-1], {}).update(_attribute(row, tags[-1], dictionary, parser))
    return trees


def _attribute(row: Row, tag: str, dictionary: Row, parser: ConditionParser) -> Row:
    kind = row["type"] if row["type"] in _TYPES else "3"
    attribute: Row = {"name": _name(tag, dictionary), "type": kind}
    if kind in ("1C", "2C", "3"):
        condition = parser.parse(_text(row["description"]))
        if condition.type != ConditionType.UserDefined:
            attribute["cond"] = condition
    values = list(_enumerated(row["description"], dictionary.get(tag, {}).get("vr", "")))
    if values:
        attribute["enums"] = [{"val": values}]
    return attribute


def _enumerated(description: str, vr: str) -> Iterator[str | int]:
    """The values that the standard enumerates; none where they are no plain list."""
    match = _ENUMERATION.search(description)
    terms = re.findall(r"<dt>(.*?)</dt>", match[1], re.DOTALL) if match else []
    texts = [text for text in map(_text, terms) if text]
    if vr not in _BINARY_VRS:
        yield from texts
    elif all(re.fullmatch(r"[0-9A-Fa-f]{4}H?|-?\d+", text) for text in texts):
        for text in texts:
            digits = text.rstrip("H")
            yield int(digits, 16) if len(digits) == 4 else int(digits)


def _objects(parser: ConditionParser) -> Row:
    named = {row["id"]: row["name"] for row in _table("modules")}
    macros = {row["id"]: row["name"] for row in _table("macros")}
    kinds: Row = {}
    for row in _table("ciod_to_modules"):
        kind = kinds.setdefault(row["ciodId"], {"modules": {}, "group_macros": {}})
        name = named.get(row["moduleId"], row["moduleId"])
        kind["modules"][name] = {"ref": f"M.{row['moduleId']}", **_usage(row, parser)}
    for row in _table("ciod_to_fg_macros"):
        name = macros.get(row["macroId"], row["macroId"])
        part = {"ref": f"X.{row['macroId']}", **_usage(row, parser)}
        kinds[row["ciodId"]]["group_macros"][name] = part
    ids = {row["name"]: row["id"] for row in _table("ciods")}
    return {
        row["id"]: {"title": f"{row['ciod']} IOD", **kinds[ids[row["ciod"]]]}
        for row in _table("sops")
        if ids.get(row["ciod"]) in kinds
    }


def _usage(row: Row, parser: ConditionParser) -> Row:
    statement = row.get("conditionalStatement")
    usage = f"{row['usage']} - {statement}" if statement else row["usage"]
    return {"use": usage, **({"cond": parser.parse(usage)} if len(usage) > 1 else {})}


def _name(tag: str, dictionary: Row) -> str:
    return str(dictionary.get(tag, {}).get("name", tag))


def _text(markup: str | None) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", markup or ""))).strip()
