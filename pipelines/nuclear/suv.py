"""Standardized uptake values from what the PET header says, or the reason why not.

Body-weight SUV after the vendor-neutral procedure of the Quantitative Imaging Biomarkers
Alliance (FDG-PET/CT Profile); attributes of PS3.3 C.8.9.1, C.8.9.2 and C.8.9.4.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pydicom.multival import MultiValue
from pydicom.valuerep import DA, DT, TM

from pipelines.errors import PipelineRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom import Dataset

LONGEST_H = 14 * 24  # between injection and scan; more is a date that was shifted or mistyped


def suv_per_unit(sources: Sequence[Dataset]) -> float:
    """The factor that turns the series' output values into SUVbw (g/mL).

    Raises
    ------
    PipelineRefused
        ``no-suv``, naming the attribute that is missing or unusable.
    """
    first = sources[0]
    units = str(first.get("Units", ""))
    if units == "GML" and str(first.get("SUVType", "") or "BW") == "BW":
        return 1.0
    if units != "BQML":
        raise _refusal("Units is neither BQML nor GML of the body weight.")
    corrected = first.get("CorrectedImage", [])
    corrected = corrected if isinstance(corrected, (MultiValue, list)) else [corrected]
    if not {"ATTN", "DECY"} <= {str(value) for value in corrected}:
        raise _refusal("Corrected Image does not name both ATTN and DECY.")
    grams = 1000 * _positive(first, "PatientWeight")
    drugs = first.get("RadiopharmaceuticalInformationSequence", None)
    if not drugs:
        raise _refusal("Radiopharmaceutical Information Sequence is absent.")
    dose = _positive(drugs[0], "RadionuclideTotalDose")
    return grams / (dose * _decayed_part(sources, drugs[0]))


def _decayed_part(sources: Sequence[Dataset], drug: Dataset) -> float:
    correction = str(sources[0].get("DecayCorrection", ""))
    if correction == "ADMIN":
        return 1.0
    if correction != "START":
        raise _refusal("Decay Correction is neither START nor ADMIN.")
    half_life_s = _positive(drug, "RadionuclideHalfLife")
    scan = _scan_start(sources)
    offset = str(sources[0].get("TimezoneOffsetFromUTC", "") or "")
    elapsed_s = (scan - _injection(drug, scan, offset)).total_seconds()
    if not 0 <= elapsed_s <= LONGEST_H * 3600:
        raise _refusal("the scan does not follow the injection within 14 days.")
    return float(math.exp2(-elapsed_s / half_life_s))


def _scan_start(sources: Sequence[Dataset]) -> datetime:
    """Series Date and Time, or the first acquisition where that is earlier.

    A series that was reconstructed or saved again later carries the later time.
    """
    series = _moment(sources[0], "SeriesDate", "SeriesTime")
    acquired = [_moment(source, "AcquisitionDate", "AcquisitionTime") for source in sources]
    known = [moment for moment in acquired if moment is not None]
    if known and (series is None or min(known) < series):
        return min(known)
    if series is None:
        raise _refusal("Series Date and Time are absent.")
    return series


def _injection(drug: Dataset, scan: datetime, offset: str) -> datetime:
    text = str(drug.get("RadiopharmaceuticalStartDateTime", "") or "")
    if text:
        injected = datetime.fromisoformat(DT(text).isoformat())
        return _at_the_scan(injected, offset) if injected.tzinfo else injected
    clock = str(drug.get("RadiopharmaceuticalStartTime", "") or "")
    if not clock:
        raise _refusal("Radiopharmaceutical Start Time is absent.")
    injected = datetime.combine(scan.date(), TM(clock))
    return injected if injected <= scan else injected - timedelta(days=1)


def _at_the_scan(moment: datetime, offset: str) -> datetime:
    """A moment with an offset of its own on the clock of the scan's dates and times."""
    if not offset:
        raise _refusal("Injection has an offset from UTC, the scan's times have none.")
    return moment.astimezone(datetime.strptime(offset, "%z").tzinfo).replace(tzinfo=None)


def _moment(source: Dataset, date: str, time: str) -> datetime | None:
    day, clock = str(source.get(date, "") or ""), str(source.get(time, "") or "")
    return datetime.combine(DA(day), TM(clock)) if day and clock else None


def _positive(source: Dataset, keyword: str) -> float:
    value = source.get(keyword, None)
    if value in (None, "") or not float(value) > 0:
        raise _refusal(f"{keyword} is absent or zero.")
    return float(value)


def _refusal(found: str) -> PipelineRefused:
    return PipelineRefused("no-suv", f"SUV cannot be computed: {found}")
