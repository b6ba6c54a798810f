"""A made object set into its source's study: patient, equipment, time and texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.conformance.conditions import PAIRED
from pipelines.dicom_out.attributes import STUDY_KEPT, tags
from pipelines.dicom_out.dates import da, tm
from pipelines.dicom_out.provenance import (
    Origin,
    complete_study,
    describe_series,
    put,
    source_device,
)
from pipelines.dicom_out.text import text_of, to_utf8
from pipelines.verbatim import copy_verbatim, mark_encoded, share

if TYPE_CHECKING:
    from collections.abc import Collection

    from pydicom import Dataset


def into_study(
    made: Dataset, image: Dataset, origin: Origin, leave: Collection[str] = ()
) -> Dataset:
    """`made` with the patient and study of `image` (ENH-04), our equipment and time.

    Its texts are in ISO_IR 192 (SEG-13), its dates are the run's, never highdicom's own (SEG-14).

    Parameters
    ----------
    leave : collection of str
        Keywords of the study's attributes that the made object's IOD does not have.
    """
    study = tags(*STUDY_KEPT)
    plain = to_utf8(copy_verbatim(image))
    kept = study - tags(*leave, *_not_allowed(plain))
    moment = origin.moment(image)
    result = share(plain, lambda tag: tag in kept)
    complete_study(result)
    own = share(made, lambda tag: tag not in study)
    for tag in own.keys():  # noqa: SIM118 - iterating a data set decodes its elements
        result[tag] = own.get_item(tag)
    put(
        result,
        {
            **origin.equipment(),
            "InstanceCreationDate": da(moment),
            "InstanceCreationTime": tm(moment),
            "ContentDate": da(moment),
            "ContentTime": tm(moment),
            "SeriesDate": da(moment),
            "SeriesTime": tm(moment),
        },
    )
    describe_series(result, plain, origin.card.suffix)
    library = made.get("ContributingEquipmentSequence", [])[-1:]  # highdicom itself (SEG-10)
    for item in library:
        put(item, {"ContributionDateTime": da(moment) + tm(moment)})
    result.ContributingEquipmentSequence = [
        *plain.get("ContributingEquipmentSequence", []),
        source_device(plain),
        *library,
    ]
    return mark_encoded(result)


def side_of(image: Dataset) -> dict[str, object]:
    """Laterality of a series made of `image`, a 2C attribute (PS3.3 C.7.3.1).

    Empty where there may be a side and the source does not tell it.
    """
    side = str(image.get("Laterality") or image.get("ImageLaterality") or "")
    if side in ("L", "R"):
        return {"Laterality": side}
    part = str(image.get("BodyPartExamined", "")).strip()
    return {} if part and part not in PAIRED else {"Laterality": ""}


def _not_allowed(image: Dataset) -> list[str]:
    """An empty Laterality, which paired parts alone may have (type 2C, PS3.3 C.7.3.1)."""
    if text_of(image, "Laterality") or text_of(image, "BodyPartExamined").upper() in PAIRED:
        return []
    return ["Laterality"]
