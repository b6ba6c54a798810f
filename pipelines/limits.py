"""Whether a source lies within what a model card is for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.uid import CTImageStorage, MRImageStorage, PositronEmissionTomographyImageStorage

from pipelines.errors import PipelineRefused
from pipelines.ops.ultrasound_regions import has_tissue_region
from pipelines.volume import Volume

if TYPE_CHECKING:
    from pipelines.contract import Source
    from pipelines.models.card import Limits, ModelCard

# Their Frame of Reference is mandatory (PS3.3 A.3, A.4, A.21), in what is segmented on them, too.
_PLACED = (CTImageStorage, MRImageStorage, PositronEmissionTomographyImageStorage)


def check(card: ModelCard, source: Source) -> None:
    """Refuse a source beyond the card's limits.

    Raises
    ------
    PipelineRefused
        ``modality``, ``slices``, ``size``, ``spacing``, ``colour``, ``units``,
        ``no-tissue-region``, ``no-volume`` or ``no-frame-of-reference``.
    """
    _check_kind(card, source)
    _check_size(card.limits, source)
    _check_spacing(card.limits, source)
    _check_units(card.limits, source)


def _check_kind(card: ModelCard, source: Source) -> None:
    limits, image = card.limits, source.sources[0]
    if source.modality not in limits.modalities:
        raise PipelineRefused(
            "modality", f"{card.title} is for {', '.join(limits.modalities)}, not this modality."
        )
    if source.array.ndim == 4 and not limits.colour:
        raise PipelineRefused("colour", f"{card.title} is for grey images, not for colour.")
    if not has_tissue_region(image):
        raise PipelineRefused("no-tissue-region", "No region of the image shows tissue in 2D.")
    if card.kind != "segment":
        return
    if not isinstance(source, Volume):
        if image.SOPClassUID in _PLACED:
            raise PipelineRefused(
                "no-volume",
                f"{card.title} takes images one by one, without the place in the patient that a "
                "segmentation of CT, MR or PET slices tells.",
            )
    elif not image.get("FrameOfReferenceUID"):  # SEG-05
        raise PipelineRefused(
            "no-frame-of-reference",
            "The slices have no Frame of Reference UID, so nothing can refer to their places.",
        )


def _check_size(limits: Limits, source: Source) -> None:
    slices, rows, columns = source.array.shape[:3]
    word = "slices" if isinstance(source, Volume) else "frames"
    if not limits.slices[0] <= slices <= limits.slices[1]:
        raise PipelineRefused("slices", f"{slices} {word}; {_between(limits.slices)} are wanted.")
    for name, found, wanted in (("rows", rows, limits.rows), ("columns", columns, limits.columns)):
        if not wanted[0] <= found <= wanted[1]:
            raise PipelineRefused("size", f"{found} {name}; {_between(wanted)} are wanted.")


def _check_spacing(limits: Limits, source: Source) -> None:
    spacing = source.spacing_mm
    in_plane = spacing[-2:] if spacing else ()
    if limits.pixel_spacing_mm and not in_plane:
        raise PipelineRefused("spacing", "The image does not state its pixel spacing.")
    for found in in_plane if limits.pixel_spacing_mm else ():
        _check_millimetres("pixels", found, limits.pixel_spacing_mm)
    if limits.slice_spacing_mm and isinstance(source, Volume):
        _check_millimetres("slices", source.spacing_mm[0], limits.slice_spacing_mm)


def _check_millimetres(what: str, found: float, wanted: tuple[float, float] | None) -> None:
    # Spacings are decimal texts; a hair beyond the limit is rounding.
    if wanted and not wanted[0] * 0.999 <= found <= wanted[1] * 1.001:
        raise PipelineRefused(
            "spacing", f"The {what} lie {found:.3g} mm apart; {_between(wanted)} mm are wanted."
        )


def _check_units(limits: Limits, source: Source) -> None:
    image = source.sources[0]
    rescale_type = str(image.get("RescaleType", None) or "")
    # Without a Rescale Type the unit is the image class's own: HU for CT (PS3.3 C.8.2.1.1.2).
    if limits.rescale_type and rescale_type not in ("", limits.rescale_type):
        raise PipelineRefused("units", f"{limits.rescale_type} is wanted as Rescale Type.")
    if limits.units and str(image.get("Units", "")) not in limits.units:
        raise PipelineRefused("units", f"Units are wanted in {' or '.join(limits.units)}.")


def _between(limits: tuple[float, float]) -> str:
    return f"{limits[0]:g} to {limits[1]:g}"
