"""Classes of objects that can be de-identified for certain; all others are refused."""

from __future__ import annotations

from dicom_node.research.errors import Refused

ROOT = "1.2.840.10008.5.1.4.1.1."
IMAGES = frozenset(
    ROOT + suffix
    for suffix in (
        "1", "1.1", "1.1.1", "1.2", "1.2.1", "1.3", "1.3.1",  # CR, DX, MG, IO
        "2", "2.1", "2.2", "4", "4.1", "4.3", "4.4", "20", "128", "128.1", "130",
        "3.1", "6.1", "6.2", "7", "7.1", "7.2", "7.3", "7.4",  # US, SC
        "12.1", "12.1.1", "12.2", "12.2.1", "13.1.1", "13.1.2", "13.1.3",  # XA, RF, tomosynthesis
        "77.1.1", "77.1.1.1", "77.1.4", "77.1.4.1",  # photographs and videos
    )
)  # fmt: skip
DERIVED = frozenset(
    ROOT + suffix
    for suffix in (
        "11.1", "30", "66.1", "66.2", "66.3", "66.4", "66.7", "67", "481.2", "481.3", "481.5",
    )
)  # fmt: skip
"""Segmentations, maps, registrations, presentation states, RT."""
REPORTS = frozenset(ROOT + suffix for suffix in ("88.11", "88.22", "88.33", "88.34", "88.59"))


def check_class(sop_class_uid: str, *, structured_content: bool) -> None:
    """Return where objects of the class may go on.

    Raises
    ------
    Refused
        A report while the project does not have its content cleaned, or a class that nobody has
        taught this program: documents, raw scanner bytes, waveforms, private classes.
    """
    if sop_class_uid in REPORTS and not structured_content:
        raise Refused("a report, and the project's structured_content is off")
    if sop_class_uid not in IMAGES | DERIVED | REPORTS:
        raise Refused("objects of its class cannot be de-identified here")
