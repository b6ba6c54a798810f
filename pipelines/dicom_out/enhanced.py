"""The enhanced image: one derived instance per source instance, on its grid, in its units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.dataelem import DataElement

from pipelines.dicom_out.attributes import keeps
from pipelines.dicom_out.dates import da, tm
from pipelines.dicom_out.files import write
from pipelines.dicom_out.lossy import lossy_compression
from pipelines.dicom_out.provenance import (
    Origin,
    code_item,
    coding_schemes,
    complete_study,
    cut_description,
    describe_series,
    put,
    referenced_series,
    source_device,
    source_reference,
)
from pipelines.dicom_out.stored import Values, to_stored
from pipelines.dicom_out.text import fits, to_utf8
from pipelines.stored_pixels import GREY, decode
from pipelines.verbatim import copy_verbatim, mark_encoded, share

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray
    from pydicom import Dataset

    from pipelines.contract import Source
    from pipelines.manifest import OutputFile
    from pipelines.models.card import Code

_PIXEL_DATA = 0x7FE00010


def write_enhanced(
    source: Source, after: NDArray[np.float32], origin: Origin, folder: Path
) -> Iterator[tuple[OutputFile, int]]:
    """Write an enhanced image for every source instance; gives each file and its clipped pixels."""
    for index, image in enumerate(source.sources):
        # A volume has a plane per instance, frames have one instance.
        part = np.s_[index : index + 1] if len(source.sources) > 1 else np.s_[:]
        padding = None if source.padding is None else source.padding[part]
        values = Values(source.array[part], after[part], padding)
        stored = to_stored(image, decode(image), values)
        derived = derive(image, source.digests[index], origin)
        put_pixels(derived, stored.words)
        yield write(derived, folder, "enhanced"), stored.clipped


def derive(image: Dataset, digest: str, origin: Origin) -> Dataset:
    """The header of the image derived from `image`: see `pipelines.dicom_out.attributes`."""
    colour = str(image.PhotometricInterpretation) not in GREY
    derived, plain = start(
        image, digest, origin, keeps(str(image.Modality), colour=colour), copy_verbatim(image)
    )
    put(
        derived,
        {
            "ImageType": _image_type(image, origin.request.image_type_2),
            "DerivationDescription": origin.description(),
        },
    )
    _put_references(derived, plain, origin)
    if colour:
        put(
            derived,
            {
                "PhotometricInterpretation": "RGB",
                "SamplesPerPixel": 3,
                "PlanarConfiguration": 0,
            },
        )
    return mark_encoded(derived)


def start(
    image: Dataset, digest: str, origin: Origin, keep: Callable[[int], bool], plain: Dataset
) -> tuple[Dataset, Dataset]:
    """What every image derived from `image` begins with, and the source that texts come from.

    Kept are the attributes of `plain`, a verbatim copy of `image`, that `keep` accepts; identity,
    equipment, dates, texts and the history of compression are put to them. Where a text of ours
    does not fit the source's character set, both come in ISO_IR 192.
    """
    ours = origin.equipment()
    suffix = origin.card.suffix
    own = [*map(str, ours.values()), cut_description(plain, suffix) or ""]
    if not all(fits(text, plain) for text in own):
        plain = to_utf8(plain)
    derived = share(plain, keep)
    complete_study(derived)
    moment = origin.moment(image)
    dates: dict[str, Any] = {
        "InstanceCreationDate": da(moment),
        "InstanceCreationTime": tm(moment),
        "ContentDate": da(moment),
        "ContentTime": tm(moment),
    }
    if str(image.Modality) != "PT":
        dates |= {"SeriesDate": da(moment), "SeriesTime": tm(moment)}
    put(derived, ours | dates)
    put(
        derived,
        {
            "SOPInstanceUID": origin.uid(f"enhanced {digest}"),
            "SeriesInstanceUID": origin.uid("enhanced series"),
            "SeriesNumber": origin.series_number(image),
        },
    )
    describe_series(derived, plain, suffix)
    put(derived, lossy_compression(image))
    return derived, plain


def put_pixels(derived: Dataset, words: NDArray[Any]) -> None:
    """Native Pixel Data, little endian, of even length."""
    little = words.astype(words.dtype.newbyteorder("<"), copy=False)
    content = np.ascontiguousarray(little).tobytes()
    vr = "OB" if words.dtype.itemsize == 1 else "OW"
    derived[_PIXEL_DATA] = DataElement(_PIXEL_DATA, vr, content + b"\0" * (len(content) % 2))


def _image_type(image: Dataset, second: str) -> list[str]:
    """ENH-05 to ENH-07: DERIVED, then by modality and site, then the source's own values."""
    found = image.get("ImageType") or []
    values = [found] if isinstance(found, str) else [str(value) for value in found]
    if str(image.Modality) in ("PT", "NM"):
        kept = "PRIMARY"  # enumerated: PS3.3 C.8.9.4.1.1 for PET, C.8.4.9.1.1 for NM
    elif second == "SOURCE" and len(values) > 1:
        kept = values[1]
    else:
        kept = "SECONDARY"
    return ["DERIVED", kept, *values[2:]]


def _put_references(derived: Dataset, plain: Dataset, origin: Origin) -> None:
    """ENH-09, ENH-12: earlier steps stay, ours comes last."""
    code = origin.card.derivation
    if code is not None:
        derived.DerivationCodeSequence = [
            *plain.get("DerivationCodeSequence", []),
            code_item(code),
        ]
    derived.SourceImageSequence = [source_reference(plain)]
    put_origin(derived, plain, code)


def put_origin(derived: Dataset, plain: Dataset, code: Code | None) -> None:
    """Private codes declared, devices named (ENH-11) and the source listed (ENH-14)."""
    schemes = [*plain.get("CodingSchemeIdentificationSequence", []), *coding_schemes(code)]
    if schemes:
        derived.CodingSchemeIdentificationSequence = schemes
    derived.ContributingEquipmentSequence = [
        *plain.get("ContributingEquipmentSequence", []),
        source_device(plain),
    ]
    derived.ReferencedSeriesSequence = [referenced_series(plain, [plain])]
