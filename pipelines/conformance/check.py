"""One object against the tables of its IOD, its values against their VRs."""

from __future__ import annotations

import warnings
from collections.abc import Sized
from functools import cache
from typing import TYPE_CHECKING

from pydicom.charset import convert_encodings
from pydicom.dataelem import RawDataElement

from pipelines.conformance.conditions import ALTERNATIVES, COMPANIONS, LENIENT, MODULES
from pipelines.conformance.content import content_faults
from pipelines.conformance.groups import group_faults
from pipelines.conformance.identity import identity_faults
from pipelines.conformance.pixels import pixel_faults
from pipelines.conformance.raw import bytes_of, items_of, text
from pipelines.conformance.references import reference_faults
from pipelines.conformance.report import Finding, Report
from pipelines.conformance.table import level, nested_of, plan_of, rows_by_use
from pipelines.conformance.values import count, faults, known

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydicom import Dataset
    from pydicom.dataelem import DataElement

    from pipelines.conformance.conditions import When
    from pipelines.conformance.report import Severity
    from pipelines.conformance.table import Attribute, Plan
    from pipelines.conformance.values import Known

    Held = dict[int, DataElement | RawDataElement]

_BULK = 0x7FE00000
_GROUPS = (0x52009229, 0x52009230)  # Shared and Per-Frame Functional Groups
_ASCII = ("ascii",)


def check(dataset: Dataset, instances: Mapping[str, str] | None = None) -> Report:
    """What is wrong with an object, as `pipelines.conformance.read.read_header` gives it.

    Of a SOP class without a table, values alone are checked, and that is a warning.

    Parameters
    ----------
    instances : mapping of str to str, optional
        SOP Class UID by SOP Instance UID: all that the object may say it was made from.
    """
    plan = plan_of(text(dataset, "SOPClassUID"))
    walk = _Walk(dataset, plan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's quote values
        if plan is None:
            walk.tell("warning", "SOPClassUID", "has no table here, so only values are checked")
        else:
            walk.modules(plan)
            for found in (
                *identity_faults(dataset),
                *group_faults(dataset, plan),
                *pixel_faults(dataset),
                *content_faults(dataset),
                *reference_faults(dataset, plan, instances),
            ):
                walk.findings.setdefault((found.where, found.what), found)
        walk.item(dataset, "", plan.nested if plan else {}, _ASCII)
    return Report(tuple(walk.findings.values()))


class _Walk:
    """Collects the findings on one object, each place and fault once."""

    def __init__(self, root: Dataset, plan: Plan | None) -> None:
        self.findings: dict[tuple[str, str], Finding] = {}
        self._root = root
        self._seen: set[tuple[str, int | None, bytes]] = set()
        self._groups = {
            row.tag: row.nested
            for macro in (plan.macros if plan else ())
            for row in macro.attributes
            if row.nested is not None
        }

    def tell(self, severity: Severity, where: str, what: str, *, of_value: bool = False) -> None:
        """Note a finding, unless it is known."""
        if (where, what) not in self.findings:
            self.findings[where, what] = Finding(severity, where, what, of_value)

    def modules(self, plan: Plan) -> None:
        """Judge the top of the data set by the IOD's modules."""
        holds = tuple(
            module.usage == "M" or bool(when and when(self._root, self._root))
            for module in plan.modules
            for when in [MODULES.get(module.name) if module.usage == "C" else None]
        )
        held = _by_number(self._root)
        in_force, optional = rows_by_use(text(self._root, "SOPClassUID"), holds)
        for row in in_force:
            self._judge(row, self._root, held, "", is_used=True)
        for row in optional:
            self._judge(row, self._root, held, "", is_used=False)

    def item(
        self, item: Dataset, path: str, nested: Mapping[int, int], inherited: Sequence[str]
    ) -> None:
        """Judge every element of a data set or item, and the items inside."""
        encodings = _encodings(item) or inherited
        for tag, element in _by_number(item).items():
            if tag & 0xFFFF == 0 or tag >= _BULK:
                continue
            said = None if tag >> 16 & 1 else known(tag)
            where = path + (said.keyword if said else f"({tag >> 16:04X},{tag & 0xFFFF:04X})")
            vr = element.VR or "UN"
            if said and vr == "UN":  # a result may name the VR that its source does not
                vr = min(said.vrs)
            if said and vr not in said.vrs:
                self.tell("error", where, "has another VR than the dictionary", of_value=True)
            if vr == "SQ":
                self._sequence(item, element, where, nested.get(tag), encodings)
            else:
                self._value(element, where, vr, said, encodings)

    def _sequence(
        self,
        parent: Dataset,
        element: DataElement | RawDataElement,
        where: str,
        table: int | None,
        encodings: Sequence[str],
    ) -> None:
        if isinstance(element, RawDataElement):
            # Frames repeat their groups: equal bytes at an equal place have equal faults.
            key = (where, table, bytes_of(element))
            if key in self._seen:
                return
            self._seen.add(key)
        rows = level(table) if table is not None else ()
        nested = nested_of(table) if table is not None else {}
        if int(element.tag) in _GROUPS:
            nested = {**nested, **self._groups}
        for item in items_of(parent, element):
            held = _by_number(item)
            for row in rows:
                self._judge(row, item, held, f"{where}/", is_used=True)
            self.item(item, f"{where}/", nested, encodings)

    def _judge(
        self, row: Attribute, item: Dataset, held: Held, path: str, *, is_used: bool
    ) -> None:
        """Whether the attribute is there, and has a value, as its type demands (PS3.5 7.4)."""
        element = held.get(row.tag)
        where = path + row.keyword
        if element is not None:
            if row.kind in ("1", "1C") and is_empty(element):
                self.tell("error", where, f"is empty, but it is of type {row.kind}")
        elif row.kind in ("1", "2"):
            if is_used:
                self.tell("error", where, f"is absent, but it is of type {row.kind}")
        elif row.kind != "3":
            severity, when = _rule(row, is_used=is_used)
            if when and when(item, self._root):
                what = f"is absent, but its condition holds (type {row.kind})"
                self.tell(severity, where, what)

    def _value(
        self,
        element: DataElement | RawDataElement,
        where: str,
        vr: str,
        said: Known | None,
        encodings: Sequence[str],
    ) -> None:
        if vr in ("UN", "OB", "OW", "OF", "OD", "OL") or not isinstance(element, RawDataElement):
            return
        value = bytes_of(element)
        for fault in faults(vr, value, tuple(encodings)):
            self.tell("error", where, fault, of_value=True)
        if len(value) % 2:
            self.tell("error", where, "has an odd length", of_value=True)
        number = count(vr, value)
        if said is None or number is None:
            return
        beyond = said.most is not None and number > said.most
        if number < said.fewest or beyond or (number - said.fewest) % said.multiple:
            self.tell("error", where, "has another number of values than it may", of_value=True)


def _by_number(item: Dataset) -> Held:
    """The elements by their tags as plain numbers, as comparing tags takes many times as long."""
    return {int(tag): element for tag, element in item.items()}


def is_empty(element: DataElement | RawDataElement) -> bool:
    """Whether an element has no value; padding is none (PS3.5 7.4.1)."""
    if isinstance(element, RawDataElement):
        if element.value is None:
            return bool(element.length == 0)
        return not bytes(element.value).strip(b" \0" if element.VR not in _BINARY else b"")
    value: object = element.value
    return value is None or (isinstance(value, Sized) and len(value) < 1)


_BINARY = {"US", "SS", "UL", "SL", "FL", "FD", "AT", "OB", "OW", "OF", "OD", "OL", "UN", None}


@cache
def _rule(row: Attribute, *, is_used: bool) -> tuple[Severity, When | None]:
    tables: Iterable[tuple[Severity, dict[str, When]]] = [("error", COMPANIONS)]
    if is_used:
        tables = [("error", COMPANIONS), ("error", ALTERNATIVES), ("warning", LENIENT)]
    for severity, rules in tables:
        found = rules.get(f"{row.source}:{row.keyword}") or rules.get(row.keyword)
        if found:
            return severity, found
    return "error", None


def _encodings(item: Dataset) -> list[str]:
    """Python's names for the item's own Specific Character Set; empty where it has none."""
    element = item.get_item(0x00080005)
    if element is None:
        return []
    try:
        names = [each.strip() for each in bytes_of(element).decode("ascii").split("\\")]
        found: list[str] = convert_encodings(names if len(names) > 1 else names[0])
    except (LookupError, UnicodeError, ValueError):
        return []
    return ["ascii" if name == "iso8859" else name for name in found]
