"""Every attribute of a data set, in sequences at any depth, through the profile (PS3.15 E.1.1)."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from pydicom.datadict import dictionary_has_tag, dictionary_VR

from dicom_node.research.codes import known_meaning
from dicom_node.research.dummies import TEXT, TEXTS
from dicom_node.research.private import remove_private
from dicom_node.research.profile import Action
from dicom_node.research.traces import VRS
from dicom_node.research.values import cleaned, dummied, emptied, replaced

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydicom import DataElement, Dataset
    from pydicom.tag import BaseTag

    from dicom_node.research.profile import Profile
    from dicom_node.research.stand_ins import StandIns, Subject
    from dicom_node.research.traces import Traces

PIXELS = {0x7FE00008, 0x7FE00009, 0x7FE00010}
CODE_VALUES = ("CodeValue", "LongCodeValue", "URNCodeValue")
_UNREADABLE = (
    ArithmeticError,
    AttributeError,
    LookupError,
    NotImplementedError,
    TypeError,
    ValueError,
)


class Around(Enum):
    """What the sequence that an attribute stands in asks of it where the table says nothing."""

    NOTHING = "stays"
    CLEAN = "texts are cleaned, codes are the standard's"
    DUMMY = "texts say nothing"


class Scrubber:
    """Takes the data sets of one patient through a project's profile."""

    def __init__(
        self,
        profile: Profile,
        stand_ins: StandIns,
        subject: Subject,
        traces: Traces,
        *,
        safe_private: bool,
    ) -> None:
        self._profile = profile
        self._stand_ins = stand_ins
        self._subject = subject
        self._traces = traces
        self._private = profile if safe_private else None

    def scrub(self, dataset: Dataset, around: Around = Around.NOTHING) -> None:
        """Change `dataset` in place; what cannot be read goes, as nobody can say what it holds."""
        remove_private(dataset, self._private)
        if around is not Around.NOTHING:
            _reduce_codes(dataset)
        for tag in list(dataset.keys()):
            if tag in PIXELS or self._stays_as_it_is(dataset, tag, around):
                continue
            try:
                new = self._scrubbed(dataset[tag], around)
            except _UNREADABLE:
                new = None
            if new is None:
                del dataset[tag]
            else:
                dataset[tag] = new

    def _stays_as_it_is(self, dataset: Dataset, tag: BaseTag, around: Around) -> bool:
        """Whether the value is kept byte by byte: real headers hold values that no writer takes."""
        vr = dataset.get_item(tag).VR
        if tag.is_private:  # those that are left are safe
            return True
        if vr is None and dictionary_has_tag(tag):
            vr = dictionary_VR(tag)
        if vr in (None, "SQ", "UN") or tag.element == 0:
            return False
        is_kept = self._profile.action(tag, vr) is Action.KEEP
        if is_kept and self._gives_away(tag, vr, dataset.get_item(tag).value):
            return False
        return is_kept and (around is Around.NOTHING or vr not in TEXTS)

    def _gives_away(self, tag: BaseTag, vr: str, value: object) -> bool:
        """Whether a text that the table does not list holds what the patient is called."""
        return vr in VRS and not self._profile.lists(tag) and self._traces.are_in(value)

    def _scrubbed(self, element: DataElement, around: Around) -> DataElement | None:
        if element.tag.element == 0:  # group lengths, retired: they would no longer be right
            return None
        action = self._profile.action(element.tag, element.VR)
        is_listed = action is not Action.KEEP
        if action is Action.KEEP and element.VR in TEXTS and not _is_code(element):
            action = {Around.CLEAN: Action.CLEAN, Around.DUMMY: Action.DUMMY}.get(around, action)
        if action is Action.KEEP and self._gives_away(element.tag, element.VR, element.value):
            action = Action.DUMMY
        if element.VR == "SQ":
            return self._sequence(element, action, around)
        if action is Action.CLEAN:
            left = cleaned(element, self._subject.shift_days)
            if left is not None:
                return left
            action = self._profile.basic(element.tag) if is_listed else Action.DUMMY
        if action is Action.DUMMY and element.VR == "UI":
            action = Action.UID
        return _MADE[action](element, self._stand_ins.uid)

    def _sequence(self, element: DataElement, action: Action, around: Around) -> DataElement | None:
        if action is Action.REMOVE:
            return None
        if action is Action.EMPTY:
            return emptied(element)
        inside = {Action.CLEAN: Around.CLEAN, Action.DUMMY: Around.DUMMY}.get(action, around)
        for item in element.value:
            self.scrub(item, inside)
        return element


_MADE: dict[Action, Callable[[DataElement, Callable[[str], str]], DataElement | None]] = {
    Action.REMOVE: lambda _element, _uid: None,
    Action.EMPTY: lambda element, _uid: emptied(element),
    Action.DUMMY: lambda element, _uid: dummied(element),
    Action.UID: replaced,
    Action.KEEP: lambda element, _uid: element,
}


def _is_code(element: DataElement) -> bool:
    return element.keyword in (*CODE_VALUES, "CodeMeaning", "CodingSchemeDesignator")


def _reduce_codes(dataset: Dataset) -> None:
    """Give a coded term the standard's meaning; a term that is not the standard's says nothing."""
    if "CodeMeaning" not in dataset and not any(name in dataset for name in CODE_VALUES):
        return
    scheme = str(dataset.get("CodingSchemeDesignator", ""))
    meaning = known_meaning(scheme, str(dataset.get("CodeValue", "")))
    dataset.CodeMeaning = meaning[:64] if meaning else TEXT
    if meaning is None:
        for name in CODE_VALUES:
            if name in dataset:
                setattr(dataset, name, TEXT if name != "URNCodeValue" else "urn:removed")
        dataset.CodingSchemeDesignator = "99REMOVED"
