"""De-identified objects of every kind: no worse for the judges, and still laid over one another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from benchmarks import deidentify
from dicom_node.config.research import ResearchSection
from dicom_node.preview.segmentation import read_segmentation
from dicom_node.preview.series import read_series
from dicom_node.research.deidentify import Deidentifier
from dicom_node.research.stand_ins import StandIns
from pipelines.dicom_in import read_volume
from pipelines.dicom_out.seg_form import BINARY, LABELMAP
from tests.builders import CANARY
from tests.conforming import KINDS, an_object
from tests.judges.dicom3tools import contradictions, errors_of
from tests.judges.ohif import count_voxels
from tests.tools import program
from tests.unit.pipelines.segmented import STACKS, a_mask, a_stack, write_mask

KEY = b"a key of tests, of 32 bytes or so"
OPTIONS = {
    "basic": {"structured_content": True},
    "all": {
        "dates": "shift", "patient_characteristics": True, "device": True, "institution": True,
        "descriptors": True, "structured_content": True, "safe_private": True,
    },
}  # fmt: skip


def export(paths, folder: Path, **options) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    maker = Deidentifier(ResearchSection(**options), StandIns("lung", KEY))
    made = []
    for number, path in enumerate(paths):
        target = folder / f"{number}.dcm"
        target.write_bytes(maker.file(path).content)
        made.append(target)
    return made


def references(dataset) -> set[str]:
    found = set()
    dataset.walk(
        lambda _level, element: (
            found.add(str(element.value)) if element.keyword == "ReferencedSOPInstanceUID" else None
        )
    )
    return found


@pytest.fixture(params=[BINARY, LABELMAP], ids=lambda form: form.kind)
def form(request):
    return request.param


@pytest.mark.parametrize("kind", STACKS)
def test_a_segmentation_still_lies_over_its_image(kind, form, tmp_path):
    volume = a_stack(tmp_path / "source", **STACKS[kind])
    sources = sorted((tmp_path / "source").iterdir())
    (seg,) = write_mask(volume, a_mask(volume), tmp_path / "results", form)

    images = export(sources, tmp_path / "images")
    (exported,) = export([seg], tmp_path / "seg")

    np.testing.assert_array_equal(volume.affine, read_volume(images).affine)
    np.testing.assert_array_equal(volume.array, read_volume(images).array)
    named = references(dcmread(exported))
    assert named
    assert named <= {str(dcmread(path).SOPInstanceUID) for path in images}
    assert not named & {str(dcmread(path).SOPInstanceUID) for path in sources}
    for level in ("StudyInstanceUID", "FrameOfReferenceUID", "PatientID"):
        assert 1 == len({str(dcmread(path)[level].value) for path in (*images, exported)})
    assert dcmread(seg).PixelData == dcmread(exported).PixelData
    if form is BINARY:  # the only form that is drawn
        before = read_segmentation([seg], read_series(sources))
        after = read_segmentation([exported], read_series(images))
        assert before.labels.any()
        np.testing.assert_array_equal(before.labels, after.labels)


def test_ohif_counts_the_same_voxels(form, tmp_path):
    volume = a_stack(tmp_path / "source")
    sources = sorted((tmp_path / "source").iterdir())
    (seg,) = write_mask(volume, a_mask(volume), tmp_path / "results", form)

    images = export(sources, tmp_path / "images")
    (exported,) = export([seg], tmp_path / "seg")

    assert count_voxels(seg, sources) == count_voxels(exported, images)


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_judge_finds_no_error_that_the_source_has_not(kind, options, tmp_path):
    path = an_object(kind, tmp_path)
    dataset = dcmread(path)
    if "Rows" in dataset:
        dataset.BurnedInAnnotation = "NO"
        dataset.save_as(path)

    (made,) = export([path], tmp_path / "made", **OPTIONS[options])

    assert set() == errors_of(made) - errors_of(path)
    assert CANARY.encode() not in made.read_bytes()


def test_a_report_keeps_figures_codes_and_references_and_no_text(tmp_path):
    path = an_object("SR", tmp_path)
    report = dcmread(path)
    text = report.ContentSequence[-1].ContentSequence[0].ContentSequence
    note = type(text[0])()
    note.RelationshipType, note.ValueType, note.TextValue = "CONTAINS", "TEXT", "Zzphi was here"
    note.ConceptNameCodeSequence = [text[0].ConceptNameCodeSequence[0]]
    text.append(note)
    report.save_as(path)

    (made,) = export([path], tmp_path / "made", structured_content=True)

    content = made.read_bytes()
    assert b"Zzphi" not in content
    exported = dcmread(made)
    values = [
        str(element.value)
        for element in exported.iterall()
        if element.keyword in ("NumericValue", "CodeMeaning")
    ]
    assert "1.5" in values
    assert "Tissue" in values
    old = {str(e.value) for e in report.iterall() if e.keyword == "ReferencedSOPInstanceUID"}
    stand_ins = StandIns("lung", KEY)
    assert {stand_ins.uid(each) for each in old} == references(exported)


def test_objects_of_one_patient_belong_together(tmp_path):
    volume = a_stack(tmp_path / "source")
    sources = sorted((tmp_path / "source").iterdir())
    (seg,) = write_mask(volume, a_mask(volume), tmp_path / "results")

    made = export([*sources, seg], tmp_path / "made")

    assert len(contradictions(made)) <= len(contradictions([*sources, seg]))


def test_the_benchmark_counts_nothing_of_ours_and_much_of_a_peers(tmp_path):
    program("Orthanc", package="orthanc")
    source, ours, theirs = (tmp_path / name for name in ("source.dcm", "ours", "theirs"))
    ours.mkdir()
    theirs.mkdir()

    assert 617 == deidentify.write_source(source)

    mine = deidentify.judge(source, deidentify.node(source, ours))
    peers = deidentify.judge(source, deidentify.orthanc(source, theirs))
    assert deidentify.Verdict(0, 0, 0, 0, "YES", "codes") == mine
    assert peers.outside > 100
    assert "text" == peers.method
