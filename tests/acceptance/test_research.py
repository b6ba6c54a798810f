"""Real files de-identified: their patients, pixels, places, references and SUV."""

from __future__ import annotations

import re
from collections import Counter
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread

from dicom_node.config.research import ResearchSection
from dicom_node.research.deidentify import Deidentifier
from dicom_node.research.errors import Refused
from dicom_node.research.stand_ins import StandIns
from pipelines.dicom_in import read_volume
from tests.acceptance.sets import SETS, SampleSet
from tests.judges import suv
from tests.judges.dicom3tools import errors_of
from tests.judges.ohif import count_voxels
from tests.tools import samples

pytestmark = [
    pytest.mark.samples,
    pytest.mark.timeout(1800),
    pytest.mark.filterwarnings("ignore"),  # real files are full of what pydicom warns about
]
STAND_INS = StandIns("acceptance", b"a key of tests, of 32 bytes or so")
FULL = ResearchSection(
    dates="shift", patient_characteristics=True, descriptors=True, structured_content=True
)
IDENTIFIERS = (
    "PatientName", "PatientID", "PatientBirthDate", "AccessionNumber", "StudyInstanceUID",
    "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID", "InstitutionName",
    "ReferringPhysicianName", "StationName", "DeviceSerialNumber",
)  # fmt: skip
UNJUDGED = ("truncated", "Deflated")  # the judge cannot read them to their end
REMOVED = "REMOVED"  # what a set that was de-identified before has in place of a name


def export(paths, folder: Path, options: ResearchSection = FULL) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    maker = Deidentifier(options, STAND_INS)
    made = []
    for number, path in enumerate(paths):
        target = folder / f"{number:04}.dcm"
        target.write_bytes(maker.file(path).content)
        made.append(target)
    return made


def values_of(dataset: Dataset, keyword: str) -> set[str]:
    return {str(e.value) for e in dataset.iterall() if e.keyword == keyword}


def told(path: Path) -> set[str]:
    """The judge's errors without the UIDs in them."""
    return {re.sub(r"<[0-9.]{3,}>", "<UID>", error) for error in errors_of(path)}


def files_of(*parts: str) -> list[Path]:
    folder = samples().joinpath(*parts)
    found = [path for path in folder.iterdir() if path.suffix == ".dcm" or not path.suffix]
    return sorted(found)


@pytest.mark.parametrize("options", [ResearchSection(), FULL], ids=["basic", "options"])
@pytest.mark.parametrize("one", SETS, ids=lambda one: one.title)
def test_every_set_leaves_without_its_patient_or_is_refused_with_a_reason(
    one: SampleSet, options, tmp_path
):
    maker = Deidentifier(options, STAND_INS)
    refused: Counter[str] = Counter()
    for path in one.all_files()[:4]:
        try:
            content = maker.file(path).content
        except Refused as refusal:
            refused[str(refusal)] += 1
            continue
        before, after = dcmread(path), dcmread(BytesIO(content))
        known = {str(before.get(keyword, "")) for keyword in IDENTIFIERS} - {"", REMOVED}
        maker_name = str(before.get("Manufacturer"))  # of some, it is the institution as well
        known = {value for value in known if len(value) > 4 and value not in maker_name}
        left = [value for value in known if value.encode() in content]
        assert [] == left
        assert not any(element.tag.is_private for element in after.iterall())
        if before.get("PixelData") != after.get("PixelData"):  # a comment in it was overwritten
            assert len(before.PixelData) == len(after.PixelData)
            np.testing.assert_array_equal(before.pixel_array, after.pixel_array)
            print(one.title, "had a comment in its pixels")
        made = tmp_path / "made.dcm"
        made.write_bytes(content)
        if not any(word in path.name for word in UNJUDGED):
            assert set() == told(made) - told(path)
    print(one.title, dict(refused) or "leaves")


def test_a_real_pet_keeps_its_suv_its_place_and_its_segmentation(tmp_path):
    sources = files_of("pet-hn-qin0024", "PET")
    (seg,) = files_of("pet-hn-qin0024", "SEG")

    images = export(sources, tmp_path / "images")
    (exported,) = export([seg], tmp_path / "seg")

    before, after = read_volume(sources), read_volume(images)
    np.testing.assert_array_equal(before.affine, after.affine)
    np.testing.assert_array_equal(before.array, after.array)
    np.testing.assert_array_equal(suv.suv_of(sources[150]), suv.suv_of(images[150]))
    assert "PatientWeight" not in dcmread(export(sources[:1], tmp_path / "b", ResearchSection())[0])
    named = values_of(dcmread(exported), "ReferencedSOPInstanceUID")
    assert named
    assert named <= {str(dcmread(path).SOPInstanceUID) for path in images}
    assert sum(count_voxels(seg, sources).values()) > 0
    assert count_voxels(seg, sources) == count_voxels(exported, images)


@pytest.mark.parametrize(
    ("images", "objects"),
    [
        (("mr-breast-dce-ucsf-br-06", "image"), ("mr-breast-dce-ucsf-br-06", "seg")),
        (("spect-lu177-scan_001-NC", "SPECT"), ("spect-lu177-scan_001-NC", "RTSTRUCT")),
    ],
    ids=["fractional SEG of an MR", "RTSTRUCT of a SPECT"],
)
def test_what_refers_to_images_names_the_exported_ones(images, objects, tmp_path):
    sources, (referring,) = files_of(*images), files_of(*objects)

    exported = export(sources, tmp_path / "images")
    (made,) = export([referring], tmp_path / "referring")

    old, new = dcmread(referring), dcmread(made)
    known = {str(dcmread(path).SOPInstanceUID) for path in sources}
    named = values_of(old, "ReferencedSOPInstanceUID") & known
    assert named
    assert {STAND_INS.uid(each) for each in named} <= values_of(new, "ReferencedSOPInstanceUID")
    assert {STAND_INS.uid(each) for each in named} <= {
        str(dcmread(path).SOPInstanceUID) for path in exported
    }
    assert old.get("PixelData") == new.get("PixelData")
