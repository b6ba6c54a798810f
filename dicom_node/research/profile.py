"""What is to be done to an attribute: Table E.1-1 of PS3.15, with the options of the project.

Where the Basic Profile leaves a choice by the attribute's type (X/Z/D), the strictest type is taken
to hold: a dummy or an empty value conforms wherever none at all would.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from pydicom.datadict import dictionary_has_tag, dictionary_VR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dicom_node.config.research import ResearchSection

DATES = ("DA", "DT", "TM")
FIRST_GROUP = 0x0008  # what comes before belongs to messages, file meta and directories
VOCABULARY = {
    0x0008010E,
    0x00080120,
}  # addresses that name codes: Coding Scheme URL, URN Code Value


class Action(Enum):
    """The letters of PS3.15 E.1.1; on a sequence, keep and clean go for what is in it."""

    REMOVE = "X"
    EMPTY = "Z"
    DUMMY = "D"
    UID = "U"
    KEEP = "K"
    CLEAN = "C"


BASIC = {
    "X": Action.REMOVE,
    "Z": Action.EMPTY,
    "D": Action.DUMMY,
    "U": Action.UID,
    "X/Z": Action.EMPTY,
    "X/D": Action.DUMMY,
    "Z/D": Action.DUMMY,
    "X/Z/D": Action.DUMMY,
    "X/Z/U*": Action.UID,
}


NEEDED = {
    0x00181078: Action.DUMMY,  # Radiopharmaceutical Start DateTime, enhanced PET
    0x00401001: Action.DUMMY,  # Requested Procedure ID, in a document's referenced request
    0x00700082: Action.DUMMY,  # Presentation Creation Date
    0x00700083: Action.DUMMY,  # Presentation Creation Time
}
"""What the table removes although PS3.3 demands it of objects that are exported."""


@dataclass(frozen=True, slots=True)
class Table:
    """The shipped tables: tag to (Basic Profile, option to K or C), and the safe private ones."""

    edition: str
    attributes: Mapping[int, tuple[str, Mapping[str, str]]]
    safe_private: frozenset[tuple[str, int, int]]


@cache
def table() -> Table:
    """The tables as shipped, read once."""
    said = json.loads(files(__package__).joinpath("profile.json").read_text("utf-8"))
    return Table(
        said["edition"],
        {int(tag, 16): (basic, told) for tag, (basic, told) in said["attributes"].items()},
        frozenset(
            (creator, int(tag[:4], 16), int(tag[6:], 16)) for creator, tag in said["safe_private"]
        ),
    )


class Profile:
    """The Basic Profile with the options that a project has chosen."""

    def __init__(self, options: ResearchSection) -> None:
        self._table = table()
        self._date_option = {"shift": "modified_dates", "keep": "full_dates"}.get(options.dates)
        chosen = {
            "uids": options.uids,
            "device": options.device,
            "institution": options.institution,
            "patient": options.patient_characteristics,
            "descriptors": options.descriptors,
            "content": options.structured_content,
        }
        self._options = {name for name, is_on in chosen.items() if is_on}
        if self._date_option:
            self._options.add(self._date_option)

    def action(self, tag: int, vr: str) -> Action:
        """What is to be done to a public attribute."""
        row = self._table.attributes.get(tag)
        if row is None:
            return self._unlisted(tag, vr)
        basic, told = row
        wanted = {letter for option, letter in told.items() if option in self._options}
        if "C" in wanted:  # where one option keeps what another cleans, it is cleaned
            return Action.CLEAN
        return Action.KEEP if wanted else NEEDED.get(tag, BASIC[basic])

    def lists(self, tag: int) -> bool:
        """Whether the table says anything of the attribute."""
        return tag in self._table.attributes

    def basic(self, tag: int) -> Action:
        """What the Basic Profile alone does, where cleaning leaves nothing."""
        row = self._table.attributes.get(tag)
        return NEEDED.get(tag, BASIC[row[0]]) if row else Action.EMPTY

    def is_safe(self, creator: str, tag: int) -> bool:
        """Whether Table E.3.10-1 calls the private attribute safe."""
        return (creator, tag >> 16, tag & 0xFF) in self._table.safe_private

    def _unlisted(self, tag: int, vr: str) -> Action:
        """What the table says nothing of stays, unless it is unknown, a name, a date or an address.

        The address of an object holds its host, and often its UIDs.
        """
        group = tag >> 16
        # Curves and overlays, groups 50xx and 60xx, are in the dictionary of no single group.
        if group < FIRST_GROUP or not dictionary_has_tag(tag):
            return Action.REMOVE
        vrs = {vr, dictionary_VR(tag)}  # a file may call a name a text, and a sequence bytes
        if len(vrs) == 2 and "SQ" in vrs:
            return Action.REMOVE
        if "PN" in vrs or ("UR" in vrs and tag not in VOCABULARY):
            return Action.EMPTY
        if not vrs.isdisjoint(DATES):
            dated = {"full_dates": Action.KEEP, "modified_dates": Action.CLEAN}
            return dated.get(self._date_option or "", Action.EMPTY)
        return Action.KEEP
