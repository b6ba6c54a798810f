from pathlib import Path

import pytest

from pipelines.registry import load_cards

PAGE = (Path(__file__).parents[3] / "docs/pipelines.md").read_text()


@pytest.mark.parametrize("name", load_cards())
def test_the_page_has_every_pipeline_and_every_parameter(name):
    card = load_cards()[name]
    assert f"| `{name}` | {', '.join(card.limits.modalities)} | {card.method}" in PAGE
    parameters = PAGE.split("## Parameters")[1].split("## ")[0]
    missing = [word for word in card.parameters if f"`{word}`" not in parameters]
    assert [] == missing
