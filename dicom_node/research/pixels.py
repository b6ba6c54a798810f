"""Whether the pixels may leave: burnt-in text cannot be seen by a program, so it must be ruled out.

PS3.15 E.1.1 and E.3.1. An object leaves when it says that nothing is burnt in, when it is of a
class whose scanners draw no text into pixels, or when the settings name what is to be black.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicom_node.config.research import parse_blank
from dicom_node.research.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom import Dataset

    from dicom_node.config.research import Region

CLEAR_CLASSES = frozenset(
    f"1.2.840.10008.5.1.4.1.1.{suffix}"
    for suffix in (
        "2", "2.1", "2.2",  # CT
        "4", "4.1", "4.3", "4.4",  # MR
        "20", "128", "130", "128.1",  # NM, PET
        "30", "66.1", "66.2", "66.3", "66.4", "66.7", "67",  # maps, registrations, segmentations
        "481.2", "481.3", "481.5",  # RT dose, structure set, plan
    )
)  # fmt: skip
"""Classes that are refused only where they say YES, or that they are a picture of a screen."""
TEXT_WORDS = ("SCREEN", "CAPTURE", "REPORT", "DOSE", "PROTOCOL", "TEXT")
"""Parts of the Image Type of pictures with text that scanners store among their images."""
MODALITIES = frozenset(
    (
        "CR", "CT", "DX", "ES", "GM", "IO", "IVUS", "MG", "MR", "NM", "OP", "OPT", "OT", "PT", "PX",
        "RF", "SM", "TG", "US", "XA", "XC",
    )
)  # fmt: skip
"""Those that a reason may name."""
HEADS = frozenset(
    {"HEAD", "BRAIN", "SKULL", "FACE", "HEADNECK", "NECK", "SINUS", "ORBIT", "WHOLEBODY"}
)


def check_pixels(dataset: Dataset, blank: Sequence[str]) -> bool:
    """Make the pixels fit to leave; True where regions of them were made black.

    Raises
    ------
    Refused
        Text may be burnt in and no setting says where.
    """
    if "Rows" not in dataset:
        return False
    tags = list(dataset.keys())
    bit_positions = [tag for tag in tags if tag.group >> 8 == 0x60 and tag.element == 0x0102]
    if any(dataset[tag].value for tag in bit_positions):
        raise Refused("an overlay lies in the unused bits of the pixels")
    if regions := _regions(dataset, blank):
        _make_black(dataset, regions)
        dataset.BurnedInAnnotation = "NO"
        return True
    said = str(dataset.get("BurnedInAnnotation", "")).upper()
    told = str(dataset.get("Modality", ""))
    modality = told if told in MODALITIES else "an image"  # any other word might be anything
    if said == "YES":
        raise Refused(f"{modality}: it says that text is burnt into its pixels")
    if said == "NO" and not _looks_like_text(dataset):
        return False
    if dataset.get("SOPClassUID") not in CLEAR_CLASSES or _looks_like_text(dataset):
        raise Refused(f"{modality}: text may be burnt into its pixels, and it does not say NO")
    return False


def shows_head(dataset: Dataset) -> bool:
    """Whether a face may be made from the images; nothing here removes one (113102)."""
    part = str(dataset.get("BodyPartExamined", "")).upper().replace(" ", "")
    return dataset.get("Modality") in ("CT", "MR", "PT") and part in HEADS


def _looks_like_text(dataset: Dataset) -> bool:
    values = dataset.get("ImageType") or []
    kind = "\\".join(
        str(each).upper() for each in ([values] if isinstance(values, str) else values)
    )
    return any(word in kind for word in TEXT_WORDS)


def _regions(dataset: Dataset, blank: Sequence[str]) -> list[Region]:
    found = []
    for said in blank:
        modality, model, regions = parse_blank(said)
        named = str(dataset.get("ManufacturerModelName", "")).strip()
        if modality == dataset.get("Modality") and model in ("", named):
            found += regions
    return found


def _make_black(dataset: Dataset, regions: Sequence[Region]) -> None:
    """Set the regions of every frame to zero, in the pixels as they are stored.

    Raises
    ------
    Refused
        The pixels cannot be decoded, or are laid out so that a region has no bytes of its own.
    """
    import numpy as np  # noqa: PLC0415 - few projects make anything black

    try:
        if dataset.file_meta.TransferSyntaxUID.is_compressed:
            dataset.decompress(generate_instance_uid=False)
        samples = int(dataset.get("SamplesPerPixel", 1))
        if int(dataset.BitsAllocated) not in (8, 16) or "422" in dataset.PhotometricInterpretation:
            raise Refused("its pixels are laid out so that no region can be made black")
        kind = np.uint8 if dataset.BitsAllocated == 8 else np.dtype("<u2")
        frames = int(dataset.get("NumberOfFrames", 1) or 1)
        rows, columns = int(dataset.Rows), int(dataset.Columns)
        planes = samples > 1 and dataset.get("PlanarConfiguration", 0) == 1
        shape = (frames, samples, rows, columns) if planes else (frames, 1, rows, columns, samples)
        size = frames * samples * rows * columns
        pixels = np.frombuffer(dataset.PixelData, kind)[:size].reshape(shape).copy()
    except (AttributeError, NotImplementedError, RuntimeError, TypeError, ValueError):
        raise Refused("its pixels cannot be decoded, so nothing can be made black") from None
    black = 0 if dataset.PhotometricInterpretation != "MONOCHROME1" else pixels.max(initial=0)
    for left, top, width, height in regions:
        pixels[:, :, top : top + height, left : left + width] = black
    stored = pixels.tobytes()
    dataset.PixelData = stored + b"\0" * (len(stored) % 2)
