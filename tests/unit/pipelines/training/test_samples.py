from dataclasses import replace

import pytest

from pipelines.registry import load_cards
from pipelines.training.samples import CRLM, EVERY_SERIES, SampleChanged, hash_of, load


def test_changed_files_stop_the_training(tmp_path):
    (tmp_path / "ct").mkdir()
    (tmp_path / "ct" / "1.dcm").write_bytes(b"other")
    with pytest.raises(SampleChanged, match="crlm-ct-1004"):
        load(replace(CRLM, folder="ct"), tmp_path)


def test_missing_files_stop_the_training(tmp_path):
    with pytest.raises(SampleChanged):
        load(CRLM, tmp_path)


def test_the_hash_follows_content_and_name_not_order_or_place(tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a").write_bytes(b"1")
        (tmp_path / folder / "b").write_bytes(b"2")
    files = [sorted((tmp_path / folder).iterdir()) for folder in ("one", "two")]
    assert hash_of(files[0]) == hash_of(files[1][::-1])
    files[1][0].rename(tmp_path / "two" / "c")
    assert hash_of(files[0]) != hash_of(sorted((tmp_path / "two").iterdir()))


@pytest.mark.parametrize("name", ["ct-denoise", "ct-segment"])
def test_cards_name_their_data_as_the_training_does(name):
    known = {series.name: series for series in EVERY_SERIES}
    for data in load_cards()[name].training_data:
        series = known[data.name]
        assert (series.source, series.licence, series.sha256) == (
            data.source,
            data.licence,
            data.sha256,
        )
        assert "NC" not in data.licence
        assert "SA" not in data.licence.replace("BSD", "")
