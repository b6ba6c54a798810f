"""The picture of a secondary capture: an image with segments burnt in, and a legend below it.

Nothing but fill and outline lies on the image: there may be texts of the scanner anywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pipelines.models.card import Segment

SMALLEST_SIDE = 384
"""Smaller pictures are enlarged by a whole factor, so that letters can be read on them."""
FILL = 0.25  # of the segment's colour
PIXELS_PER_LINE = 640  # of the longer side for each pixel of an outline's and a letter's stroke
_MARKING = (255, 220, 90)
_NOTE = (225, 225, 225)
_MARGIN, _SWATCH, _LINE = 4, 8, 13


class Line(NamedTuple):
    """One line of text; with a square of its colour before it where `is_key`."""

    text: str
    colour: tuple[int, int, int]
    is_key: bool = False


def enlargement(rows: int, columns: int) -> int:
    """How many pixels along each side one pixel of the image becomes."""
    return -(-SMALLEST_SIDE // min(rows, columns))


def draw(
    grey: NDArray[np.uint8], labels: NDArray[np.uint8], segments: Sequence[Segment]
) -> NDArray[np.uint8]:
    """The image with a light fill and the outline of each segment, shape (rows, columns, 3).

    Parameters
    ----------
    grey : ndarray of uint8, shape (y, x), or (y, x, 3) of a colour image
    """
    factor = enlargement(*grey.shape[:2])
    large = grey.repeat(factor, 0).repeat(factor, 1)
    colour = large if large.ndim == 3 else np.repeat(large[..., None], 3, axis=2)
    picture = colour.astype(np.float32)
    numbers = labels.repeat(factor, 0).repeat(factor, 1)
    stroke = _stroke(picture)
    for segment in segments:
        mask = numbers == segment.number
        shade = np.array(segment.colour, np.float32)
        picture[mask] = (1 - FILL) * picture[mask] + FILL * shade
        picture[mask & ~_shrunk(mask, stroke)] = shade
    return np.asarray(np.rint(picture).astype(np.uint8))


def below(picture: NDArray[np.uint8], lines: Sequence[Line]) -> NDArray[np.uint8]:
    """The picture with a black band below it that holds the lines, several in a row where they fit.

    The band is as high for every picture of one size and the same lines.
    """
    stroke = _stroke(picture)
    width = picture.shape[1] - 2 * _MARGIN * stroke
    rows: list[list[NDArray[np.uint8]]] = [[]]
    free = width
    for line in lines:
        written = _written(line, stroke)[:, :width]
        if written.shape[1] > free and rows[-1]:
            rows.append([])
            free = width
        rows[-1].append(written)
        free -= written.shape[1] + 2 * _MARGIN * stroke
    step = _LINE * stroke
    height = len(rows) * step + _MARGIN * stroke
    band = np.zeros((height, picture.shape[1], 3), np.uint8)
    for number, row in enumerate(rows):
        left, top = _MARGIN * stroke, number * step + _MARGIN * stroke // 2
        for written in row:
            high, wide = written.shape[:2]
            band[top : top + high, left : left + wide] = written[: height - top]
            left += wide + 2 * _MARGIN * stroke
    return np.vstack([picture, band])


def marking() -> Line:
    """What results for research say on the picture itself."""
    return Line("RESEARCH USE ONLY, NOT FOR DIAGNOSIS", _MARKING)


def note(text: str) -> Line:
    """A plain line."""
    return Line(text, _NOTE)


def key(segment: Segment) -> Line:
    """The name of a segment in its colour."""
    return Line(segment.label, segment.colour, is_key=True)


def _stroke(picture: NDArray[np.float32] | NDArray[np.uint8]) -> int:
    longer: int = max(picture.shape[:2])
    return max(1, round(longer / PIXELS_PER_LINE))


def _shrunk(mask: NDArray[np.bool_], stroke: int) -> NDArray[np.bool_]:
    """The mask without its outermost pixels; beyond the picture it goes on."""
    for _ in range(stroke):
        padded = np.pad(mask, 1, mode="edge")
        mask = mask & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return mask


def _written(line: Line, stroke: int) -> NDArray[np.uint8]:
    """The line in its colour on black, shape (rows, columns, 3)."""
    glyphs = _letters(line.text)
    if line.is_key:
        square = np.zeros((glyphs.shape[0], _SWATCH + 4), np.bool_)
        square[1 : 1 + _SWATCH, :_SWATCH] = True
        glyphs = np.hstack([square, glyphs])
    large = glyphs.repeat(stroke, 0).repeat(stroke, 1)
    return np.asarray(large[..., None] * np.array(line.colour, np.uint8))


def _letters(text: str) -> NDArray[np.bool_]:
    """The text in Pillow's built-in bitmap font: the same pixels whatever fonts a machine has."""
    font = ImageFont.load_default_imagefont()
    plain = text.encode("latin-1", "replace").decode("latin-1")
    left, top, right, bottom = font.getbbox(plain)
    sheet = Image.new("1", (int(right - left) or 1, max(int(bottom - top), 11)))
    ImageDraw.Draw(sheet).text((-left, -top), plain, fill=1, font=font)
    return np.asarray(sheet, np.bool_)
