"""What the cards say of cone-beam CT is what happens: it is not refused, and the card says so."""

from __future__ import annotations

import pytest

from pipelines.dicom_in import read_volume
from pipelines.limits import check
from pipelines.registry import load_cards
from tests.builders import a_series, write_series


@pytest.mark.parametrize("name", ["ct-denoise", "ct-segment"])
def test_a_cone_beam_scan_is_not_refused_and_the_card_says_so_and_what_was_measured(tmp_path, name):
    card = load_cards()[name]
    images = a_series(slices=4, ManufacturerModelName="OBI Cone-beam CT")

    check(card, read_volume(write_series(tmp_path, images)))

    assert "cone-beam CT" in card.not_for
    assert "so it is not refused" in card.not_for
    assert "phantom" in card.evidence.text
