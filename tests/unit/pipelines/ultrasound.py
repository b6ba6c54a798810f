"""Ultrasound objects: grey loops, palettes, colour, regions."""

from __future__ import annotations

import numpy as np
from pydicom import Dataset
from pydicom.uid import UltrasoundMultiFrameImageStorage

from tests.builders import an_image

ROWS, COLUMNS = 24, 32


def a_grey_loop(frames: int = 4, seed: int = 0) -> Dataset:
    """Speckle of 8 bits."""
    pixels = np.random.default_rng(seed).integers(20, 235, (frames, ROWS, COLUMNS), np.uint8)
    loop = an_image("US", 0, pixels[0])
    loop.BitsAllocated, loop.BitsStored, loop.HighBit = 8, 8, 7
    loop.PixelData = pixels.tobytes()
    loop["PixelData"].VR = "OB"
    if frames > 1:
        loop.SOPClassUID = loop.file_meta.MediaStorageSOPClassUID = UltrasoundMultiFrameImageStorage
        loop.NumberOfFrames = frames
        loop.FrameTime = "40"
        loop.FrameIncrementPointer = 0x00181063
    return loop


def a_palette_loop(frames: int = 2) -> tuple[Dataset, np.ndarray]:
    """A loop of palette indices, and the colour of every index as RGB."""
    loop = a_grey_loop(frames)
    colours = np.random.default_rng(1).integers(0, 256, (256, 3), np.uint8)
    loop.PhotometricInterpretation = "PALETTE COLOR"
    for channel, name in enumerate(("Red", "Green", "Blue")):
        setattr(loop, f"{name}PaletteColorLookupTableDescriptor", [256, 0, 16])
        table = (colours[:, channel].astype("<u2") << 8).tobytes()
        loop.add_new(f"{name}PaletteColorLookupTableData", "OW", table)
    return loop, colours


def a_colour_image(planar: int = 0) -> tuple[Dataset, np.ndarray]:
    """An RGB still, and its pixels ``(y, x, channel)``."""
    rgb = np.random.default_rng(2).integers(0, 256, (ROWS, COLUMNS, 3), np.uint8)
    image = a_grey_loop(frames=1)
    image.SamplesPerPixel, image.PlanarConfiguration = 3, planar
    image.PhotometricInterpretation = "RGB"
    stored = rgb if planar == 0 else np.moveaxis(rgb, -1, 0)
    image.PixelData = np.ascontiguousarray(stored).tobytes()
    return image, rgb


def a_region(
    left: int,
    top: int,
    right: int,
    bottom: int,
    *,
    kind: tuple[int, int] = (1, 1),
    delta_cm: tuple[float, float] = (0.01, 0.01),
) -> Dataset:
    """One ultrasound region; `kind` is its spatial format and data type."""
    region = Dataset()
    region.RegionSpatialFormat, region.RegionDataType = kind
    region.RegionFlags = 0
    region.RegionLocationMinX0, region.RegionLocationMinY0 = left, top
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = right, bottom
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
    region.PhysicalDeltaX, region.PhysicalDeltaY = delta_cm
    return region
