"""Lossy compression in the history of an image: it never leaves it (ENH-21, PS3.3 C.7.6.1.1.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.uid import JPEG2000, JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSNearLossless

from pipelines.header import whole_number

if TYPE_CHECKING:
    from pydicom import Dataset

_METHOD = {
    JPEGBaseline8Bit: "ISO_10918_1",
    JPEGExtended12Bit: "ISO_10918_1",
    JPEGLSNearLossless: "ISO_14495_1",
    JPEG2000: "ISO_15444_1",
}
_KEYWORDS = (
    "LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod",
)  # fmt: skip


def lossy_compression(image: Dataset) -> dict[str, object]:
    """The attributes that tell of lossy compression, empty where there was none.

    The image's own, or made from its transfer syntax where the header keeps silent.
    """
    if str(image.get("LossyImageCompression", "")) == "01":
        return {word: image[word].value for word in _KEYWORDS if word in image}
    syntax = image.file_meta.TransferSyntaxUID
    if syntax not in _METHOD:
        return {}
    frames = whole_number(image, "NumberOfFrames", 1)
    native = frames * image.Rows * image.Columns * image.SamplesPerPixel * image.BitsAllocated // 8
    ratio = f"{native / max(len(image.PixelData), 1):.2f}"
    return dict(zip(_KEYWORDS, ("01", ratio, _METHOD[syntax]), strict=True))
