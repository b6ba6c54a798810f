import pytest

from pipelines.errors import PipelineRefused
from pipelines.nuclear.suv import suv_per_unit
from tests.unit.pipelines.classical import PET, drug, header


def factor(**changes):
    return suv_per_unit([header("PT", **{**PET, **changes})])


def test_an_hour_of_decay_is_counted_to_the_series_time():
    assert pytest.approx(70_000 / (3.5e8 * 2 ** (-3600 / 6586.2))) == factor()


def test_activity_corrected_to_administration_needs_no_decay():
    assert pytest.approx(70_000 / 3.5e8) == factor(DecayCorrection="ADMIN")


def test_body_weight_suv_is_taken_as_it_is():
    assert 1.0 == factor(Units="GML")
    assert 1.0 == factor(Units="GML", SUVType="BW")


def test_the_first_acquisition_counts_when_the_series_time_is_later():
    early = {"AcquisitionDate": "20260102", "AcquisitionTime": "113000"}
    assert pytest.approx(70_000 / (3.5e8 * 2 ** (-1800 / 6586.2))) == factor(**early)


def test_an_injection_before_midnight_lies_on_the_day_before():
    late = [drug(RadiopharmaceuticalStartTime="233000")]
    expected = 70_000 / (3.5e8 * 2 ** (-3600 / 6586.2))
    found = factor(SeriesTime="003000", RadiopharmaceuticalInformationSequence=late)
    assert pytest.approx(expected) == found


def test_the_date_time_of_injection_goes_before_the_time_alone():
    whole = [drug(RadiopharmaceuticalStartDateTime="20260102100000.00")]
    expected = 70_000 / (3.5e8 * 2 ** (-7200 / 6586.2))
    assert pytest.approx(expected) == factor(RadiopharmaceuticalInformationSequence=whole)


@pytest.mark.parametrize("start", ["20260102100000.00+0200", "20260102080000.00+0000"])
def test_an_injection_with_an_offset_is_put_on_the_clock_of_the_scan(start):
    whole = [drug(RadiopharmaceuticalStartDateTime=start)]
    expected = 70_000 / (3.5e8 * 2 ** (-7200 / 6586.2))
    found = factor(RadiopharmaceuticalInformationSequence=whole, TimezoneOffsetFromUTC="+0200")
    assert pytest.approx(expected) == found


def test_an_injection_with_an_offset_is_refused_where_the_scan_has_none():
    whole = [drug(RadiopharmaceuticalStartDateTime="20260102100000.00+0200")]
    with pytest.raises(PipelineRefused, match="offset"):
        factor(RadiopharmaceuticalInformationSequence=whole)


@pytest.mark.parametrize(
    "changes",
    [
        {"Units": "CNTS"},
        {"Units": "GML", "SUVType": "LBM"},
        {"CorrectedImage": ["ATTN"]},
        {"PatientWeight": 0},
        {"PatientWeight": None},
        {"DecayCorrection": "NONE"},
        {"RadiopharmaceuticalInformationSequence": []},
        {"RadiopharmaceuticalInformationSequence": [drug(RadionuclideTotalDose=0)]},
        {"RadiopharmaceuticalInformationSequence": [drug(RadionuclideHalfLife=None)]},
        {"RadiopharmaceuticalInformationSequence": [drug(RadiopharmaceuticalStartTime="")]},
        {"SeriesDate": ""},
    ],
)
def test_without_what_suv_needs_it_is_refused_by_name(changes):
    with pytest.raises(PipelineRefused) as refusal:
        factor(**changes)
    assert "no-suv" == refusal.value.code
    assert "20260102" not in refusal.value.reason
