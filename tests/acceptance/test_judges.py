"""Sets x judges: every DICOM set of the sample folder through its pipelines, before every judge.

``pytest -s`` prints the table, and ``--judges-table FILE`` writes it there.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pipelines.run
from pipelines.errors import PipelineRefused
from pipelines.models.card import ModelCard
from pipelines.registry import load_cards
from tests.acceptance.judged import Run
from tests.acceptance.road import Pacs, a_pacs
from tests.acceptance.sets import FRAMES, OWN, SETS, SampleSet, is_dicom
from tests.acceptance.verdicts import JUDGES
from tests.tools import samples
from tests.unit.pipelines.stand_ins import a_card, a_request, frames_card

pytestmark = [pytest.mark.samples, pytest.mark.orthanc, pytest.mark.timeout(1200)]

CASES = [(each, pipeline) for each in SETS for pipeline in each.pipelines()]


class Table:
    """The verdicts so far, a row for each run."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, str, list[str]]] = []

    def add(self, where: SampleSet, pipeline: str, outcome: str, cells: list[str]) -> None:
        self.rows.append((where.title, pipeline, outcome, cells))

    def text(self) -> str:
        """A line for each run: set, pipeline, outcome, and each judge's word; `-` where none."""
        head = ["set", "pipeline", "outcome", *JUDGES]
        lines = [head, *([*texts, *(cells or ["-"] * len(JUDGES))] for *texts, cells in self.rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        lines.insert(1, ["-" * width for width in widths])
        return "\n".join(f"| {' | '.join(map(str.ljust, line, widths))} |" for line in lines)


@pytest.fixture(scope="module")
def table(pytestconfig) -> Iterator[Table]:
    found = Table()
    yield found
    print(f"\n{found.text()}")
    if path := pytestconfig.getoption("judges_table", None):
        path.write_text(found.text() + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def pacs(tmp_path_factory) -> Iterator[Pacs]:
    samples()
    with a_pacs(tmp_path_factory.mktemp("pacs")) as running:
        yield running


@pytest.fixture
def seen(monkeypatch) -> list[Any]:
    """What pipelines see and give from now on."""
    kept: list[Any] = []
    real = pipelines.run.check_result

    def keep(card, source, result):
        kept.append((source, real(card, source, result)))
        return kept[-1][1]

    monkeypatch.setattr(pipelines.run, "check_result", keep)
    return kept


def card_of(where: SampleSet, pipeline: str) -> ModelCard:
    """The shipped card, or the test's own for the set's kind of source."""
    if pipeline in OWN:
        return (frames_card if where.modality in FRAMES else a_card)(pipeline)
    return load_cards()[pipeline]


def test_every_dicom_file_of_the_sample_folder_belongs_to_a_set():
    known = {path for each in SETS for path in each.all_files()}

    assert {path for path in samples().rglob("*") if is_dicom(path)} == known


@pytest.mark.parametrize(
    ("where", "pipeline"), CASES,
    ids=[f"{where.title}-{pipeline}" for where, pipeline in CASES],
)  # fmt: skip
def test_no_judge_finds_what_the_source_does_not_have(where, pipeline, tmp_path, pacs, table, seen):
    sources = linked(where.files(), tmp_path / "source")
    results = tmp_path / "results"
    results.mkdir()
    card = card_of(where, pipeline)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # real files are full of what pydicom warns about
            request = a_request(card, sources, results)
            manifest = pipelines.run.run(request, cards={card.name: card})
    except PipelineRefused as refusal:
        table.add(where, pipeline, f"refused: {refusal.code}", [])
        assert where.reason(pipeline) == refusal.code
        return
    kinds = Counter(output.kind for output in manifest.outputs)
    table.add(where, pipeline, " ".join(f"{count} {kind}" for kind, count in kinds.items()), [])
    assert where.reason(pipeline) == ""
    paths = [results / output.file for output in manifest.outputs]
    run = Run(sources, paths, manifest, seen, card.segments, pipeline == "identity", tmp_path, pacs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        verdicts = {name: judge(run) for name, judge in JUDGES.items()}
    table.rows[-1][3].extend(map(_cell, verdicts.values()))
    assert {} == {name: found for name, found in verdicts.items() if found}


def linked(files: list[Path], folder: Path) -> list[Path]:
    """The files alone in a folder: some judges read folders."""
    folder.mkdir()
    links = [folder / f"{index:04d}.dcm" for index in range(len(files))]
    for link, file in zip(links, files, strict=True):
        link.symlink_to(file.resolve())
    return links


def _cell(found: list[str] | None) -> str:
    return "-" if found is None else f"{len(found)} found" if found else "ok"
