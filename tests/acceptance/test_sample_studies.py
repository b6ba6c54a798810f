"""Real studies through a real node into a real PACS, judged by programs of others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from pydicom import dcmread

from tests.acceptance.road import PROCESSED_WITHIN_S, Pacs, a_node, a_pacs, settings_toml
from tests.serving import ServedNode
from tests.tools import program, samples

pytestmark = [
    pytest.mark.samples,
    pytest.mark.orthanc,
    pytest.mark.dcmtk,
    pytest.mark.timeout(1800),
]
STUDIES = {
    "CT": ("ct-abdomen-crlm-ct-1004", 41),
    "MR": ("mr-brain-t1-saganon", 192),
    "PT": ("pet-hn-qin0024", 300),
    "Enhanced MR": ("mr-enhanced-siemens-xa30/6_anat-T1w_acq-tfl", 1),
}


@pytest.fixture(scope="module")
def sent(tmp_path_factory) -> dict[str, Path]:
    """Folders with nothing but the DICOM files of each set."""
    root = samples()
    folders = {}
    for modality, (name, count) in STUDIES.items():
        folder = tmp_path_factory.mktemp(modality)
        files = [path for path in (root / name).rglob("*") if _is_dicom(path)]
        assert count == len(files), f"{name} is not unpacked as its manifest says"
        for path in files:
            (folder / f"{len(list(folder.iterdir())):04d}.dcm").symlink_to(path.resolve())
        folders[modality] = folder
    return folders


@pytest.fixture(scope="module")
def road(sent, tmp_path_factory) -> tuple[ServedNode, Pacs]:
    folder = tmp_path_factory.mktemp("road")
    with a_pacs(folder / "pacs") as pacs, a_node(folder, settings_toml(folder, pacs)) as node:
        for study in sent.values():
            node.storescu(study)
        count = sum(count for _name, count in STUDIES.values())
        node.wait_until_quiet(instances=count, within_s=PROCESSED_WITHIN_S)
        yield node, pacs


def test_every_study_has_its_enhanced_series_its_seg_and_its_report(road):
    node, pacs = road
    for series in node.results():
        if series.modality not in STUDIES:
            continue  # the PET study brings a SEG of its own
        came_back = pacs.series_of_study(series.study_uid)
        modalities = sorted(found["MainDicomTags"]["Modality"] for found in came_back)
        assert sorted([series.modality, "SEG", "SR"]) == modalities
        enhanced = next(f for f in came_back if f["MainDicomTags"]["Modality"] == series.modality)
        assert len(series.file_keys) == len(enhanced["Instances"])


def test_enh_29_dciodvfy_adds_no_error_that_the_source_does_not_have(road, tmp_path):
    node, pacs = road
    allowed = {}
    for series in node.results():
        for key in series.file_keys:
            path = node.settings.store_folder / key
            allowed.setdefault(series.modality, set()).update(_errors(path))
    for instance in pacs.instance_ids():
        path = tmp_path / "result.dcm"
        path.write_bytes(pacs.file(instance))
        modality = str(dcmread(path, stop_before_pixels=True).Modality)
        own = allowed.get(modality, set()) if modality not in ("SEG", "SR") else set()
        assert set() == _errors(path) - own


def test_dcmqi_reads_each_seg_with_the_geometry_of_its_source(road, tmp_path):
    node, pacs = road
    reader = Path(sys.executable).with_name("segimage2itkimage")
    for series in node.results():
        for found in pacs.series_of_study(series.study_uid):
            if found["MainDicomTags"]["Modality"] != "SEG" or series.modality not in STUDIES:
                continue
            out = tmp_path / f"{series.modality} of {len(series.file_keys)}"
            out.mkdir()
            (out / "seg.dcm").write_bytes(pacs.file(found["Instances"][0]))
            subprocess.run(
                [reader, "--inputDICOM", out / "seg.dcm", "--outputDirectory", out,
                 "--outputType", "nrrd", "--prefix", "s"], check=True, capture_output=True,
            )  # fmt: skip
            source = _source_image(node, series.file_keys)
            for nrrd in sorted(out.glob("s-*.nrrd")):
                _assert_on_grid_of(sitk.ReadImage(str(nrrd)), source)


def test_sending_all_again_changes_no_count_and_sends_nothing_twice(road, sent):
    node, pacs = road
    before = pacs.instance_ids(), node.transfers_out()

    for study in sent.values():
        node.storescu(study)
    node.wait_until_quiet(instances=1, within_s=PROCESSED_WITHIN_S)

    assert before == (pacs.instance_ids(), node.transfers_out())


def _is_dicom(path: Path) -> bool:
    return path.is_file() and path.read_bytes()[128:132] == b"DICM"


def _errors(path: Path) -> set[str]:
    dciodvfy = program("dciodvfy", package="dicom3tools")
    done = subprocess.run([dciodvfy, "-new", path], capture_output=True, text=True, check=False)
    return {line for line in done.stderr.splitlines() if line.startswith("Error")}


def _source_image(node: ServedNode, keys: tuple[str, ...]) -> sitk.Image:
    if len(keys) == 1:  # an Enhanced object
        return sitk.ReadImage(str(node.settings.store_folder / keys[0]))
    folder = (node.settings.store_folder / keys[0]).parent
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return reader.Execute()


def _assert_on_grid_of(segment: sitk.Image, source: sitk.Image) -> None:
    """The segment's voxels fall on voxels of the source: same axes, spacing, and whole offsets."""
    found, wanted = (np.reshape(image.GetDirection(), (3, 3)) for image in (segment, source))
    assert np.allclose(found[:, :2], wanted[:, :2], atol=1e-3)
    # ITK leaves the frames of an Enhanced object in their order, against the normal or along it.
    assert np.allclose(np.abs(found[:, 2]), np.abs(wanted[:, 2]), atol=1e-3)
    assert np.allclose(segment.GetSpacing(), source.GetSpacing(), rtol=2e-3)
    for corner in ((0, 0, 0), tuple(size - 1 for size in segment.GetSize())):
        point = segment.TransformIndexToPhysicalPoint(corner)
        index = np.array(source.TransformPhysicalPointToContinuousIndex(point))
        assert np.allclose(index, index.round(), atol=0.05)
        assert (index > -0.5).all()
        assert (index < np.array(source.GetSize()) - 0.5).all()
