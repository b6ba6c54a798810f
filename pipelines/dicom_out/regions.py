"""Anatomic regions by code, for objects that must name one (PS3.16 CID 4 and table L-1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.dicom_out.provenance import code_item
from pipelines.models.card import Code
from pipelines.verbatim import copy_verbatim

if TYPE_CHECKING:
    from pydicom import Dataset

SOMEWHERE = Code(value="123037004", scheme="SCT", meaning="Body structure")
"""Where the source tells no region."""
REGIONS = {
    name: Code(value=value, scheme="SCT", meaning=meaning)
    for name, value, meaning in (
        ("ABDOMEN", "818981001", "Abdomen"),
        ("ABDOMENPELVIS", "818982008", "Abdomen and Pelvis"),
        ("ANKLE", "70258002", "Ankle joint"),
        ("BLADDER", "89837001", "Bladder"),
        ("BRAIN", "12738006", "Brain"),
        ("BREAST", "76752008", "Breast"),
        ("CHEST", "816094009", "Chest"),
        ("CHESTABDOMEN", "416550000", "Chest and Abdomen"),
        ("CHESTABDPELVIS", "416775004", "Chest, Abdomen and Pelvis"),
        ("CSPINE", "122494005", "Cervical spine"),
        ("ELBOW", "16953009", "Elbow joint"),
        ("FOOT", "56459004", "Foot"),
        ("HAND", "85562004", "Hand"),
        ("HEAD", "69536005", "Head"),
        ("HEADNECK", "774007", "Head and Neck"),
        ("HEART", "80891009", "Heart"),
        ("HIP", "24136001", "Hip joint"),
        ("KIDNEY", "64033007", "Kidney"),
        ("KNEE", "72696002", "Knee"),
        ("LIVER", "10200004", "Liver"),
        ("LSPINE", "122496007", "Lumbar spine"),
        ("NECK", "45048000", "Neck"),
        ("PANCREAS", "15776009", "Pancreas"),
        ("PELVIS", "816092008", "Pelvis"),
        ("PROSTATE", "41216001", "Prostate"),
        ("SHOULDER", "16982005", "Shoulder"),
        ("SKULL", "89546000", "Skull"),
        ("SPINE", "421060004", "Spine"),
        ("THIGH", "68367000", "Thigh"),
        ("TSPINE", "122495006", "Thoracic spine"),
        ("UTERUS", "35039007", "Uterus"),
        ("WHOLEBODY", "38266002", "Entire body"),
        ("WRIST", "74670003", "Wrist joint"),
    )
}
"""By Body Part Examined."""


def region_of(image: Dataset) -> list[Dataset]:
    """The items of an Anatomic Region Sequence: the source's own, or by its Body Part Examined."""
    if image.get("AnatomicRegionSequence"):
        return [copy_verbatim(item) for item in image.AnatomicRegionSequence[:1]]
    part = str(image.get("BodyPartExamined", "")).strip().upper()
    return [code_item(REGIONS.get(part, SOMEWHERE))]
