"""A T1-weighted head made from a label map, with exact truth for brain and for noise.

The maps are those of SynthSeg (Billot et al., Med. Image Anal. 86:102789, 2023; FreeSurfer
numbers, 500 and up outside the brain).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk
from pydicom import Dataset
from scipy import ndimage

from pipelines.volume import Volume

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SEED = 20
NOISE_PART = 0.04  # of white matter, in each channel
TEXTURE = 0.03  # spread of the tissue's own signal, smooth over 2 mm
WHITE = (2, 41, 7, 46, 16, 28, 60, 85)
FLUID = (4, 5, 14, 15, 24, 43, 44, 72)
SIGNAL = {
    **dict.fromkeys(WHITE, 220.0),
    **dict.fromkeys(FLUID, 50.0),
    502: 140.0,  # arteries
    506: 60.0,  # eyes
    507: 170.0,  # muscle and other soft tissue
    509: 190.0,  # mucosa
    511: 330.0,  # skin and the fat under it
    512: 210.0,  # spinal cord
    514: 120.0,  # veins
    515: 25.0,  # compact bone
    516: 320.0,  # marrow
}
GREY_MATTER = 160.0


@dataclass(frozen=True, slots=True)
class Head:
    """A noisy volume, the same without noise, and its brain: ``(z, y, x)``."""

    volume: Volume
    clean: NDArray[np.float32]
    brain: NDArray[np.bool_]


def make_head(path: Path) -> Head:
    """The head of the label map at `path`, axial, 1 mm, Rician noise of 4 % of white matter.

    The brain is everything from white and grey matter to ventricles, with folds up to 10 mm wide
    closed, without spinal cord.
    """
    image = sitk.DICOMOrient(sitk.ReadImage(str(path)), "LPS")
    labels = sitk.GetArrayFromImage(image).astype(np.int16)
    rng = np.random.default_rng(SEED)
    table = np.full(1000, GREY_MATTER, dtype=np.float32)
    table[0] = 0
    for label, signal in SIGNAL.items():
        table[label] = signal
    texture = ndimage.gaussian_filter(rng.standard_normal(labels.shape, np.float32), 2)
    signal = table[labels] * (1 + TEXTURE * texture / texture.std())
    clean = ndimage.gaussian_filter(signal, 0.5)  # the point spread of the scanner
    sd = NOISE_PART * SIGNAL[WHITE[0]]
    real = clean + sd * rng.standard_normal(labels.shape, np.float32)
    noisy = np.hypot(real, sd * rng.standard_normal(labels.shape, np.float32))
    header = Dataset()
    header.Modality = "MR"
    header.ImageType = ["ORIGINAL", "PRIMARY", "M"]
    volume = Volume(noisy, np.diag([*image.GetSpacing(), 1.0]), None, [header], [""])
    matter = (labels > 0) & (labels < 200) & (labels != 24)
    return Head(volume, clean, _close(matter, 5.0))


def _close(mask: NDArray[np.bool_], radius: float) -> NDArray[np.bool_]:
    near = ndimage.distance_transform_edt(~mask) <= radius
    return np.asarray(ndimage.distance_transform_edt(near) > radius)
