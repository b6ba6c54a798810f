"""dicom-validator's verdict: has an object every attribute that its class wants (PS3.3)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pydicom
from dicom_validator.validator.error_handler import NullValidationResultHandler
from dicom_validator.validator.iod_validator import IODValidator
from pydicom.datadict import keyword_for_tag

from tests.judges.standard_tables import standard

_DELIMITERS = 0xFFFE  # group of the tags that end items and sequences


def violations(path: Path) -> set[str]:
    """What is missing, empty or not allowed, as ``module: kind of error, attribute``."""
    image = pydicom.dcmread(path)
    for tag in [tag for tag in image.keys() if tag.group == _DELIMITERS]:  # noqa: SIM118 - iterating decodes
        del image[tag]  # a stray one after the pixels is no attribute, but pydicom lists it
    validator = IODValidator(
        image,
        standard(),
        suppress_vr_warnings=True,  # dicom3tools judges values
        error_handler=NullValidationResultHandler(),
    )
    result = validator.validate()
    return {
        f"{module}: {error.code.name} {'.'.join(map(_word, [*(tag.parents or []), tag.tag]))}"
        for module, errors in result.module_errors.items()
        for tag, error in errors.items()
    } or ({result.status.name} if result.errors else set())


def new_violations(sources: Iterable[Path], result: Path) -> set[str]:
    """Violations of `result` that none of its sources has."""
    return violations(result) - set().union(*map(violations, sources))


def _word(tag: int) -> str:
    return keyword_for_tag(tag) or f"{tag:08X}"
