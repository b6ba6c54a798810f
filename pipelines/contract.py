"""What a pipeline is: pixels of one series in, one result on the same grid out.

A pipeline is a plain function ``(source, run) -> Enhanced | Segmented`` named by a model card
(`pipelines.models.card`). It sees no files, no database and no network; reading, geometry, DICOM
objects and measurements are the same for all and live in `pipelines.run`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipelines.volume import Frames, Volume

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pipelines.models.card import ModelCard

Parameter = float | int | str | bool


@dataclass(frozen=True, slots=True)
class RunContext:
    """What a pipeline may use besides its pixels.

    Attributes
    ----------
    card : ModelCard
    parameters : mapping of str to number, text or bool
        The card's defaults overlaid with the rule's; every key is known to the card.
    device : str
        ``"cpu"`` or ``"cuda:N"``.
    network : callable
        Gives the card's ``torch.nn.Module`` in eval mode on `device`, warm across runs.
    progress : callable
        Takes the finished part, 0 to 1.
    wants_uncertainty : bool
        Somebody asks how sure a segmentation is; what has no probabilities ignores it.
    """

    card: ModelCard
    parameters: Mapping[str, Parameter]
    device: str
    network: Callable[[], Any]
    progress: Callable[[float], None] = field(default=lambda _part: None)
    wants_uncertainty: bool = False


@dataclass(frozen=True, slots=True)
class Enhanced:
    """New pixel values on the source's grid, in its units: float32, the source array's shape."""

    array: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Segmented:
    """A label map on the source's own grid.

    Attributes
    ----------
    labels : ndarray of uint8, shape (z, y, x) or (frame, y, x)
        0 is background; n is the segment whose ``number`` is n in the card.
    uncertainty : ndarray of float32, shape of `labels`, or None
        How evenly the labels share the probability of a voxel (`pipelines.ops.entropy`), from 0,
        one is sure, to 1, all are alike. None where a pipeline has none, or nobody asks.
    """

    labels: NDArray[np.uint8]
    uncertainty: NDArray[np.float32] | None = None


Source = Volume | Frames
Result = Enhanced | Segmented
Pipeline = Callable[[Source, RunContext], Result]
