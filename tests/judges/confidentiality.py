"""An object with a canary in every attribute of PS3.15 Table E.1-1, and what became of each.

The table is innolitics' (confidentiality_profile_attributes.json), which the node does not read.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from pydicom import DataElement, Dataset
from pydicom.datadict import dictionary_VM, dictionary_VR
from pydicom.tag import Tag

ROWS: list[dict[str, str]] = json.loads(
    Path(__file__).with_name("confidentiality_profile_attributes.json").read_text("utf-8")
)
MARK = "Zzphi"
MARKS = (b"Zzphi", b"ZZPHI", b"1.2.826.0.1.4711.", b"19510702", b"034711")
"""What no byte of a de-identified file may hold."""
BY_GROUP = {  # rows for more than one attribute: one of those that they mean
    "50xxxxxx": Tag(0x5002, 0x3000),
    "60xx3000": Tag(0x6000, 0x3000),
    "60xx4000": Tag(0x6000, 0x4000),
    "ggggeeee-where-gggg-is-odd": Tag(0x0029, 0x1010),
}
OPTIONS = {
    "uids": "rtnUIDsOpt",
    "device": "rtnDevIdOpt",
    "institution": "rtnInstIdOpt",
    "patient_characteristics": "rtnPatCharsOpt",
    "shift": "rtnLongModifDatesOpt",
    "keep": "rtnLongFullDatesOpt",
    "descriptors": "cleanDescOpt",
}


def tag_of(row: dict[str, str]) -> Tag:
    return BY_GROUP.get(row["id"]) or Tag(int(row["id"], 16))


def canary(tag: Tag, number: int) -> DataElement:
    """An attribute whose value would give the patient away, and is no other attribute's."""
    if tag.is_private or tag.group >> 8 == 0x50:
        return DataElement(tag, "LO", f"{MARK}{number}")
    vr = "OW" if tag == Tag(0x6000, 0x3000) else dictionary_VR(tag).split(" ")[0]
    if vr == "SQ":
        item = Dataset()
        item.add_new(0x00081030, "LO", f"{MARK}{number}")
        item.add_new(0x00081155, "UI", f"1.2.826.0.1.4711.{number}")
        return DataElement(tag, "SQ", [item])
    value: Any = {
        "UI": f"1.2.826.0.1.4711.{number}",
        "DA": "19510702",
        "TM": "034711",
        "DT": "19510702034711",
        "AS": "047Y",
        "CS": f"ZZPHI{number}",
        "DS": f"4711.{number}",
        "IS": f"4711{number}",
        "US": 4711,
        "OB": f"{MARK}{number:05}".encode(),
        "OW": f"{MARK}{number:05}".encode(),
        "UN": f"{MARK}{number:05}".encode(),
        "PN": f"{MARK}{number}^Jane",
        "UR": f"https://{MARK}{number}.example",
    }.get(vr, f"{MARK}{number}")
    many = dictionary_VM(tag) not in ("1", "1-n") and vr == "DS"
    return DataElement(tag, vr, [value, value] if many else value)


def fill(dataset: Dataset, spared: Collection[str] = ()) -> None:
    """Put every row's canary in `dataset`, and all of them again into a sequence in a sequence."""
    inner = Dataset()
    for number, row in enumerate(ROWS, start=1):
        tag = tag_of(row)
        if tag.group < 0x0008 or row["id"] in spared:  # of messages, file meta and directories
            continue
        dataset.add(canary(tag, number))
        inner.add(canary(tag, number))
    for level in (dataset, inner):
        level.add_new(0x00290010, "LO", f"{MARK} CREATOR")
    for element, value in ((0x0010, 8), (0x0011, 12), (0x0102, 0)):  # rows, columns, bit position
        dataset.add_new(Tag(0x6000, element), "US", value)
    middle = Dataset()
    middle.FrameContentSequence = [inner]
    dataset.PerFrameFunctionalGroupsSequence = [middle]


def kept_by(options: Collection[str]) -> set[str]:
    """The rows that the options keep as they are."""
    return {
        row["id"]
        for row in ROWS
        if {row.get(OPTIONS[option]) for option in options} - {None} == {"K"}
    }


def levels(dataset: Dataset) -> Iterator[tuple[str, Dataset]]:
    yield "outside", dataset
    for middle in dataset.get("PerFrameFunctionalGroupsSequence") or []:
        for inner in middle.get("FrameContentSequence") or []:
            yield "inside", inner


def left_as_they_were(before: Dataset, after: Dataset, options: Collection[str] = ()) -> list[str]:
    """Rows whose value is still there although the profile with the options takes it away."""
    kept = []
    found = dict(levels(after))
    for level, was in levels(before):
        for row in ROWS:
            tag = tag_of(row)
            wanted = {row.get(OPTIONS[option]) for option in options} - {None}
            is_now = found.get(level, Dataset())
            if tag not in was or tag not in is_now or wanted == {"K"}:
                continue
            if "shift" in options and was[tag].VR == "TM" and "C" in wanted:
                continue  # part of a moment whose date has moved
            if str(was[tag].value) == str(is_now[tag].value) and str(was[tag].value):
                kept.append(f"{level} {row['tag']} {row['name']}")
    return kept


def lost(before: Dataset, after: Dataset, options: Collection[str]) -> list[str]:
    """Rows that an option keeps as they are and that are not there any more, or are changed."""
    return [
        f"{row['tag']} {row['name']}"
        for row in ROWS
        for tag in [tag_of(row)]
        if tag in before
        and {row.get(OPTIONS[option]) for option in options} - {None} == {"K"}
        and before[tag].VR != "SQ"
        and (tag not in after or str(before[tag].value) != str(after[tag].value))
    ]
