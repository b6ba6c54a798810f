"""docs/conformance.md is true of what is coded: the content of reports, every object's codes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom import Dataset
from pydicom.sr.codedict import codes

from pipelines.models.card import Code, ModelCard
from pipelines.registry import load_cards
from pipelines.request import Equipment
from tests.builders import a_series
from tests.integration.test_conformance_objects import (
    ENHANCED,
    an_instance,
    enhanced,
    made,
    outputs,
)
from tests.statement import Row, column, table
from tests.unit.pipelines.stand_ins import a_card, frames_card
from tests.unit.pipelines.ultrasound import a_grey_loop

CT, CR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.1"
BRIGHT = {"low": 100.0, "high": 200.0}
SPLIT = {"low": -24.0, "high": 10.0}
UPPER = {"value": "261183002", "scheme": "SCT", "meaning": "Upper"}
VOLUMES = ("CT", "MR", "PT")


@pytest.fixture(scope="module")
def reports(tmp_path_factory) -> dict[str, Dataset]:
    """Reports of every class that is taken, of a loop, of nothing, and of a bare installation."""
    folder = tmp_path_factory.mktemp("reports")
    nothing = a_card("above", parameters={"low": 1e8, "high": 1e9})
    runs: dict[str, tuple[ModelCard, list[Dataset]]] = {
        "nothing": (nothing, a_series()),
        "bare": (a_card("above"), a_series()),
        "loop": (frames_card("above", parameters=BRIGHT), [a_grey_loop(frames=2)]),
        "placed": (a_card("above", segments=placed()), a_series()),
        "placed image": (frames_card("above", segments=placed()), [an_instance(CR)]),
        **{kind: (a_card("above", parameters=SPLIT), a_series(kind)) for kind in VOLUMES},
    }
    for sop_class in ENHANCED:
        image = an_instance(sop_class)
        if image.Modality not in VOLUMES:
            runs[sop_class] = (frames_card("above", parameters=BRIGHT), [image])
    changes = {"bare": {"equipment": Equipment()}}
    return {name: a_report(folder / name, *run, **changes.get(name, {}))
            for name, run in runs.items()}  # fmt: skip


def placed() -> list[dict[str, Any]]:
    """One segment, whose modifier is no side."""
    return [a_card("above").segments[0].model_dump() | {"modifier": UPPER}]


def a_report(folder: Path, card: ModelCard, images: list[Dataset], **changes: Any) -> Dataset:
    written, results = outputs(folder, card, images, **changes)
    (report,) = [one for one in written if one.kind == "sr"]
    return pydicom.dcmread(results / report.file)


Item = tuple[str, str, str]


def below(parent: Dataset, depth: int = 0, *, leaf: str = "") -> Iterator[tuple[Item, Dataset]]:
    """Value type, relationship and name of all below an item but its measurements and `leaf`."""
    for child in parent.get("ContentSequence", []):
        name = meaning(child.ConceptNameCodeSequence)
        yield (child.ValueType, f"{'>' * depth} {child.RelationshipType}".strip(), name), child
        if child.ValueType != "NUM" and name != leaf:
            yield from below(child, depth + 1, leaf=leaf)


def groups(report: Dataset) -> Iterator[tuple[str, Dataset]]:
    """Template and item of each measurement group."""
    for (*_, name), item in below(report, leaf="Measurement Group"):
        if name == "Measurement Group":
            yield str(item.ContentTemplateSequence[0].TemplateIdentifier), item


def meaning(sequence: list[Dataset]) -> str:
    return str(sequence[0].CodeMeaning)


def item_of(row: Row) -> Item:
    return row["Value type"], row["Relationship"], row["Name"]


def test_a_report_has_the_content_that_is_said_and_in_this_order(reports):
    root, *rows = table("B-1")
    said = [item_of(row) for row in rows]
    always = {item_of(row) for row in rows if row["Presence"] == "ALWAYS"}
    seen: set[Item] = set()
    for report in reports.values():
        found = [item for item, _ in below(report, 1, leaf="Measurement Group")]
        assert root["Template"] == report.ContentTemplateSequence[0].TemplateIdentifier
        assert root["Name"] == meaning(report.ConceptNameCodeSequence)
        assert set() == always - set(found)
        assert found == sorted(found, key=said.index)
        seen |= set(found)

    assert seen == set(said)
    assert not always >= {item for item, _ in below(reports["bare"], 1)}


def test_a_measurement_group_has_the_content_that_is_said(reports):
    found: dict[str, list[set[Item]]] = {}
    for report in reports.values():
        for template, group in groups(report):
            items = {item for item, _ in below(group)}
            plain = {item for item in items if item[0] != "NUM"}
            measured = {("NUM", "CONTAINS", "Table B-3")} if plain != items else set()
            found.setdefault(template, []).append(plain | measured)

    assert {"1410", "1411", "1501"} == set(found)
    for template, all_of_it in found.items():
        said = {item_of(row): row[template] for row in table("B-2")}
        assert {item for item, word in said.items() if word == "yes"} <= set.intersection(
            *all_of_it
        )
        assert {item for item, word in said.items() if word != "no"} == set.union(*all_of_it)


def test_the_measurements_are_those_that_are_said(reports):
    heads = ("Group", "Of", "Name", "Code", "Derivation", "Method", "Unit")
    rows = [tuple(row[head] for head in heads) for row in table("B-3")]
    seen: set[tuple[str, ...]] = set()
    for report in reports.values():
        (modality,) = (
            item.ConceptCodeSequence[0].CodeValue
            for (*_, name), item in below(report) if name == "Modality"
        )  # fmt: skip
        for template, group in groups(report):
            found = {measurement(item) for (kind, *_), item in below(group) if kind == "NUM"}
            alike = ((template, "every segment"), (template, modality))
            said = {row[2:] for row in rows if row[:2] in alike}
            assert found in ([said] if template == "1411" else [said, set()])
            seen |= found

    assert seen == {row[2:] for row in rows}


def measurement(item: Dataset) -> tuple[str, ...]:
    """Name, code, derivation, method and unit."""
    concept = item.ConceptNameCodeSequence[0]
    told = {name: meaning(each.ConceptCodeSequence) for (*_, name), each in below(item)}
    return (
        str(concept.CodeMeaning),
        f"{concept.CodeValue} {concept.CodingSchemeDesignator}",
        told.get("Derivation", ""),
        told.get("Measurement Method", ""),
        str(item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue),
    )


def codes_in(dataset: Dataset) -> Iterator[tuple[str, str, str]]:
    for element in dataset.iterall():
        if element.keyword.endswith("CodeSequence"):
            for item in element.value:
                yield item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning


def test_the_codes_are_those_that_are_said(tmp_path, reports):
    derived = an_instance(CT)
    derived.ImageType = ["DERIVED", "SECONDARY"]
    objects = [
        enhanced(tmp_path / "a", an_instance(CT)),
        enhanced(tmp_path / "b", derived),
        *(each for _kind, each in made(tmp_path / "c")),
        *(each for _kind, each in made(tmp_path / "d", objects=["labelmap"])),
        *reports.values(),
    ]
    used = {code for each in objects for code in codes_in(each)}
    network = {("123110", "DCM", "Artificial Intelligence")}  # none is run here
    said = [(row["Code"], row["Scheme"], row["Meaning"]) for row in table("E-2")]

    assert used - from_cards() | network == set(said)
    assert len(said) == len(set(said))


def from_cards() -> set[tuple[str, str, str]]:
    """The codes of the cards that are used here."""
    named = [code for card in (a_card(), a_card("above")) for code in codes_of(card)]
    known = {(code.value, code.scheme, code.meaning) for code in named}
    return known | {tuple(UPPER.values()), ("X", "99DICOMNODE", "Something")}


def codes_of(card: ModelCard) -> list[Code]:
    segments = [code for one in card.segments for code in (one.category, one.type, one.modifier)]
    return [code for code in (card.derivation, *segments) if code]


def test_the_codes_are_those_of_the_standard():
    """SNOMED CT has several meanings of one concept, and the standard prints its own."""
    known = {scheme: getattr(codes, scheme) for scheme in ("DCM", "SCT", "UCUM")}
    meanings = {
        (scheme, str(code.value)): str(code.meaning).casefold()
        for scheme, all_of_it in known.items()
        for code in (getattr(all_of_it, name) for name in all_of_it.dir())
    }
    for row in table("E-2"):
        if row["Scheme"] in known:
            found = meanings[row["Scheme"], row["Code"]]
            assert row["Scheme"] != "DCM" or row["Meaning"].casefold() == found


def test_the_coding_schemes_are_those_of_the_cards_and_the_codes():
    schemes = {code.scheme for card in load_cards().values() for code in codes_of(card)}

    assert schemes | set(column("E-2", "Scheme")) == set(column("E-1", "Designator"))
