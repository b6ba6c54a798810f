"""The same run twice gives the same bytes, a changed one new names, and no result goes in again."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.errors import PipelineRefused
from pipelines.models.card import ModelCard
from pipelines.registry import load_cards
from pipelines.run import run
from tests.acceptance.sets import SETS, SHIPPED, SampleSet
from tests.unit.pipelines.stand_ins import a_request

pytestmark = [
    pytest.mark.samples,
    pytest.mark.filterwarnings("ignore"),  # real files are full of what pydicom warns about
]

SMALL = [
    "ct-phantom-mf-vs-classic", "compressed-fragmented-5001", "pet-hn-qin0024/PET",
    "nm-samples/NM-MONO2-16-13x-heart.dcm", "cr-dicom/CR-MONO1-10-chest.dcm",
    "us-dicom/US-RGB-8-epicard.dcm",
]  # fmt: skip
CASES = [
    pytest.param(each, pipeline, id=f"{each.title}-{pipeline}")
    for each in SETS
    if each.name in SMALL and not each.refused
    for pipeline in SHIPPED[each.modality]
]


def made(card: ModelCard, where: SampleSet, folder: Path) -> dict[str, bytes]:
    """Name and content of every result file of a run."""
    folder.mkdir()
    run(a_request(card, where.files(), folder), cards={card.name: card})
    return {path.name: path.read_bytes() for path in folder.glob("*.dcm")}


@pytest.mark.parametrize(("where", "pipeline"), CASES)
def test_g_3_the_same_run_gives_the_same_bytes_and_another_version_none_of_its_names(
    where, pipeline, tmp_path
):
    card = load_cards()[pipeline]
    first = made(card, where, tmp_path / "first")
    other = made(card.model_copy(update={"version": "0.0.1"}), where, tmp_path / "other")

    assert first
    assert first == made(card, where, tmp_path / "second")
    assert set() == set(first) & set(other)


@pytest.mark.parametrize(("where", "pipeline"), CASES)
def test_g_4_no_result_goes_into_a_pipeline_again(where, pipeline, tmp_path):
    card = load_cards()[pipeline]
    made(card, where, tmp_path / "first")
    again = a_request(card, sorted((tmp_path / "first").glob("*.dcm")), tmp_path)

    with pytest.raises(PipelineRefused) as caught:
        run(again, cards={card.name: card})
    assert ("own-result" if card.kind == "enhance" else "not-an-image") == caught.value.code
