"""Private attributes: none stays but those that PS3.15 Table E.3.10-1 calls safe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicom_node.research.values import CODED

if TYPE_CHECKING:
    from pydicom import Dataset

    from dicom_node.research.profile import Profile


def remove_private(dataset: Dataset, profile: Profile | None) -> None:
    """Leave no private attribute in this level of `dataset`, or the safe ones of `profile`.

    Of the safe ones figures and coded values stay; a private text is nobody's to vouch for.
    """
    private = [tag for tag in dataset.keys() if tag.is_private]  # noqa: SIM118 - not its elements
    kept: set[int] = set()
    for tag in private if profile else []:
        creator = (tag.group << 16) | (tag.element >> 8)
        if tag.element < 0x1000 or creator not in dataset:
            continue
        if profile and profile.is_safe(str(dataset[creator].value).strip(), tag):
            element = dataset[tag]
            if element.VR in (*CODED, "CS"):
                kept |= {tag, creator}
    for tag in private:
        if tag not in kept:
            del dataset[tag]
