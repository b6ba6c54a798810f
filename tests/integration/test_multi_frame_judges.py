"""Results of Enhanced multi-frame sources before independent judges."""

from __future__ import annotations

import subprocess

import pydicom
import pytest
import SimpleITK as sitk

from tests.builders import a_series, write_series
from tests.judges import simpleitk
from tests.judges.dcmqi import read_report, read_segments
from tests.judges.dicom3tools import contradictions, errors_of, new_errors
from tests.judges.dicom_validator import new_violations
from tests.judges.pixelmed import judge_report
from tests.multi_frame import an_enhanced
from tests.tools import program
from tests.unit.pipelines.stand_ins import a_card, run_card

LOW = {"CT": -24.0, "MR": 1000.0}


@pytest.fixture(scope="module", params=LOW)
def runs(request, tmp_path_factory):
    """A source of shuffled frames, its identity's image, its segmentation and its report."""
    folder = tmp_path_factory.mktemp("multi-frame")
    images = a_series(request.param, slices=6)
    whole = an_enhanced(request.param, [images[index] for index in (3, 0, 4, 1, 5, 2)])
    (source,) = write_series(folder / "files", [whole])
    made, there = run_card(a_card(), [source], folder / "enhanced")
    above = a_card("above", parameters={"low": LOW[request.param], "high": 1e9})
    found, where = run_card(above, [source], folder / "segmented")
    seg, sr = (where / output.file for output in found.outputs)
    return source, there / made.outputs[0].file, seg, sr, found.measurements["segments"]


def test_enh_29_no_judge_finds_an_error_that_the_source_has_not(runs):
    source, enhanced, seg, sr, _segments = runs

    assert set() == new_errors([source], enhanced)
    assert set() == new_violations([source], enhanced)
    assert set() == errors_of(seg)
    assert [] == contradictions([source, enhanced, seg])
    assert [] == judge_report(sr).errors


def test_itk_finds_the_image_where_its_source_lies_with_its_values(runs):
    before, after = (simpleitk.read_series([path]) for path in runs[:2])

    assert [] == simpleitk.grid_differences(before, after)
    assert [] == simpleitk.value_differences(before, after)


def test_seg_08_dcmqi_counts_the_voxels_of_the_mask_and_reads_the_report(runs, tmp_path):
    _source, _enhanced, seg, sr, segments = runs
    (found,) = read_segments(seg, tmp_path / "itk")
    (reported,) = read_report(sr, tmp_path / "report")

    assert segments[0]["voxels"] == int((sitk.GetArrayFromImage(found.image) > 0).sum())
    volume = reported.values["118565006", ""]
    assert segments[0]["ml"] == pytest.approx(volume, rel=1e-5)
    assert str(pydicom.dcmread(seg).SOPInstanceUID) == reported.seg_uid


@pytest.mark.dcmtk
@pytest.mark.parametrize("encoding", [["dcmconv", "+tb"], ["dcmconv", "+ti"], ["dcmcrle"],
                                      ["dcmcjpls"]], ids=" ".join)  # fmt: skip
def test_an_object_that_dcmtk_re_encoded_gives_the_same_bytes(tmp_path, encoding):
    source = an_enhanced("CT")
    (plain,) = write_series(tmp_path / "plain", [source])
    encoded = tmp_path / "encoded.dcm"
    name, *options = encoding
    subprocess.run(
        [program(name, package="dcmtk"), *options, plain, encoded], check=True, capture_output=True
    )
    first, second = (
        run_card(a_card("noise"), [path], tmp_path / path.stem)[1] for path in (plain, encoded)
    )

    assert [path.read_bytes() for path in sorted(first.glob("*.dcm"))] == [
        path.read_bytes() for path in sorted(second.glob("*.dcm"))
    ]
