"""What the benchmark sends: valid, as many as said, split evenly."""

from __future__ import annotations

from pydicom import dcmread

from benchmarks.load import make_load


def test_every_association_gets_the_same_share_and_nothing_is_sent_twice(tmp_path):
    load = make_load(tmp_path, "CT", slices=32, shrink=1)

    for n in (1, 4, 16):
        shares = [sorted(part.rglob("*.dcm")) for part in load.parts(n)]
        assert [32 // n] * n == [len(share) for share in shares]
        assert 32 == len({path.name for share in shares for path in share})


def test_an_audit_row_is_expected_for_each_study_that_an_association_brings(tmp_path):
    load = make_load(tmp_path, "CT", slices=16, shrink=1)

    assert [4, 16, 16] == [load.transfers(n) for n in (1, 4, 16)]


def test_large_objects_have_the_pixels_that_their_header_says(tmp_path):
    for kind in ("DX", "US", "GB"):
        load = make_load(tmp_path, kind, slices=0, shrink=60)
        image = dcmread(next(iter(load.sent.values())).path)
        size = image.Rows * image.Columns * image.BitsAllocated // 8
        assert size * int(image.get("NumberOfFrames", 1)) == len(image.PixelData)
        assert image.file_meta.MediaStorageSOPClassUID == image.SOPClassUID
