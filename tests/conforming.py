"""Objects of every kind in which three judges find nothing wrong, to be broken one by one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import highdicom as hd
import numpy as np
from highdicom.sr.coding import CodedConcept
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian

from tests.builders import a_series, uid, write_series
from tests.unit.pipelines.stand_ins import a_card, frames_card, run_card
from tests.unit.pipelines.ultrasound import a_colour_image, a_grey_loop

THRESHOLD = {"CT": -24.0, "MR": 1000.0, "PT": 2500.0}
FOREIGN = "enhanced-multi-frame CT"
"""A scanner's; dciodvfy does not know one of its terms, which is no fault of what is planted."""
_MADE_BY = {
    "series_number": 7, "instance_number": 1, "manufacturer": "Test", "software_versions": "1",
    "manufacturer_model_name": "Two", "device_serial_number": "1",
}  # fmt: skip


def whole_series(modality: str, slices: int = 3) -> list[Dataset]:
    """A series with all that its IOD demands, which `a_series` leaves out for brevity."""
    images = a_series(modality, slices=slices, BodyPartExamined="CHEST")
    for image in images:
        if "FrameOfReferenceUID" not in image:
            _leave_out(image, "PositionReferenceIndicator", "SliceThickness")
        _COMPLETE.get(modality, lambda _image: None)(image)
    return images


def _leave_out(image: Dataset, *keywords: str) -> None:
    for keyword in keywords:
        if keyword in image:
            del image[keyword]


def _pt(image: Dataset) -> None:
    image.PatientOrientationCodeSequence = [
        _code("102538003", "SCT", "recumbent", PatientOrientationModifierCodeSequence="40199007")
    ]
    image.PatientGantryRelationshipCodeSequence = [_code("102540001", "SCT", "headfirst")]
    _leave_out(image, "PatientPosition")
    drug = image.RadiopharmaceuticalInformationSequence[0]
    drug.RadionuclideCodeSequence = [_code("77004003", "SCT", "^18^Fluorine")]
    image.NumberOfSlices = 3


def _cr(image: Dataset) -> None:
    image.ViewPosition = "PA"
    image.PatientOrientation = ["L", "F"]


def _nm(image: Dataset) -> None:
    image.PatientOrientation = ""
    image.PatientOrientationCodeSequence = [
        _code("102538003", "SCT", "recumbent", PatientOrientationModifierCodeSequence="40199007")
    ]
    image.PatientGantryRelationshipCodeSequence = [_code("102540001", "SCT", "headfirst")]
    _leave_out(image, "PatientPosition")
    image.ActualFrameDuration = 1000
    image.ImageType = ["ORIGINAL", "PRIMARY", "STATIC", "EMISSION"]
    image.NumberOfFrames = 1
    image.FrameIncrementPointer = [0x00540010, 0x00540020]
    image.EnergyWindowVector = image.DetectorVector = 1
    image.NumberOfEnergyWindows = image.NumberOfDetectors = 1
    image.CountsAccumulated = 1000
    image.EnergyWindowInformationSequence = []
    image.RadiopharmaceuticalInformationSequence = []
    image.DetectorInformationSequence = []


_COMPLETE: dict[str, Callable[[Dataset], None]] = {"PT": _pt, "CR": _cr, "NM": _nm}


def _code(value: str, scheme: str, meaning: str, **more: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    for keyword, modifier in more.items():
        setattr(item, keyword, [_code(modifier, "SCT", "supine")])
    return item


def an_object(kind: str, folder: Path) -> Path:
    """A file of the kind: a modality, ``enhanced`` or ``seg`` of one, a document, or FOREIGN."""
    if kind == FOREIGN:
        return Path(get_testdata_file("eCT_Supplemental.dcm", download=False))
    source, _, modality = kind.rpartition(" ")
    if source:
        return _result(source, modality, folder)
    if kind in _DOCUMENTS:
        return _document(kind, folder)
    return write_series(folder / "source", _images(kind))[0]


def _images(modality: str) -> list[Dataset]:
    if modality in _ULTRASOUND:
        image = _ULTRASOUND[modality]()
        image.PatientOrientation, image.BodyPartExamined = "", "CHEST"
        _leave_out(image, "PositionReferenceIndicator", "SliceThickness", "PixelSpacing")
        return [image]
    return whole_series(modality, 1 if modality in ("CR", "NM") else 3)


def _result(source: str, modality: str, folder: Path) -> Path:
    images = _images(modality)
    function = "identity" if source == "enhanced" else "above"
    low = THRESHOLD.get(modality, 1000.0 if modality in ("CR", "NM") else 130.0)
    high = 10.0 if modality == "CT" else 1e9  # two segments of the CT, one of the others
    more = {} if function == "identity" else {"parameters": {"low": low, "high": high}}
    make = a_card if modality in THRESHOLD else frames_card
    manifest, made = run_card(make(function, **more), images, folder)
    return made / manifest.outputs[0].file


_ULTRASOUND: dict[str, Callable[[], Dataset]] = {
    "US": lambda: a_grey_loop(frames=1),
    "LOOP": lambda: a_grey_loop(frames=3),
    "COLOUR": lambda: a_colour_image()[0],
}


def _document(kind: str, folder: Path) -> Path:
    sources = whole_series("CT")
    document = _DOCUMENTS[kind](sources, folder)
    if kind == "PR":
        document.Laterality = ""  # it names no body part, so dciodvfy takes it for a paired one
    path = folder / f"{kind}.dcm"
    document.save_as(path, enforce_file_format=True)
    return path


def _identity(kind: str) -> dict[str, object]:
    return {
        "series_instance_uid": uid(kind, "series"), "sop_instance_uid": uid(kind), **_MADE_BY,
    }  # fmt: skip


def _sr(sources: list[Dataset], folder: Path) -> Dataset:
    seg = dcmread(_result("seg", "CT", folder / "segmentation"))
    observer = hd.sr.ObservationContext(
        observer_device_context=hd.sr.ObserverContext(
            observer_type=codes.DCM.Device,
            observer_identifying_attributes=hd.sr.DeviceObserverIdentifyingAttributes(
                uid=uid("device"), name="node"
            ),
        )
    )
    group = hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(uid=uid("tracking"), identifier="one"),
        referenced_segment=hd.sr.ReferencedSegment.from_segmentation(seg, segment_number=1),
        finding_type=CodedConcept("85756007", "SCT", "Tissue"),
        measurements=[hd.sr.Measurement(codes.SCT.Volume, 1.5, codes.UCUM.CubicCentimeter)],
    )
    report = hd.sr.MeasurementReport(
        observation_context=observer,
        procedure_reported=codes.LN.CTUnspecifiedBodyRegion,
        imaging_measurements=[group],
        title=codes.DCM.ImagingMeasurementReport,
    )
    return hd.sr.Comprehensive3DSR(
        evidence=[*sources, seg], content=report[0], is_complete=True, **_identity("sr")
    )


def _ko(sources: list[Dataset], _folder: Path) -> Dataset:
    content = hd.ko.KeyObjectSelection(codes.DCM.OfInterest, referenced_objects=sources)
    known = {key: value for key, value in _identity("ko").items() if "serial" not in key}
    return hd.ko.KeyObjectSelectionDocument(
        evidence=sources, content=content, institution_name="Test", **known
    )


def _pr(sources: list[Dataset], _folder: Path) -> Dataset:
    return hd.pr.GrayscaleSoftcopyPresentationState(
        referenced_images=sources, content_label="STATE", content_description="",
        voi_lut_transformations=[hd.pr.SoftcopyVOILUTTransformation(40.0, 400.0)],
        content_creator_name="Nobody", **_identity("pr"),
    )  # fmt: skip


def _pm(sources: list[Dataset], _folder: Path) -> Dataset:
    mapping = hd.pm.RealWorldValueMapping(
        lut_label="1", lut_explanation="difference", unit=codes.UCUM.NoUnits,
        value_range=(-1e3, 1e3), slope=1.0, intercept=0.0,
        quantity_definition=CodedConcept("112031", "DCM", "Attenuation Coefficient"),
    )  # fmt: skip
    parametric = hd.pm.ParametricMap(
        source_images=sources, pixel_array=np.zeros((3, 32, 48), np.float32),
        contains_recognizable_visual_features=False, real_world_value_mappings=[mapping],
        voi_lut_transformations=[hd.VOILUTTransformation(0.0, 100.0)],
        content_label="MAP", content_creator_name="Nobody",
        transfer_syntax_uid=ExplicitVRLittleEndian, **_identity("pm"),
    )  # fmt: skip
    anatomy = Dataset()  # highdicom leaves the required macro out (PS3.3 table A.75-2)
    anatomy.FrameLaterality = "U"
    anatomy.AnatomicRegionSequence = [_code("51185008", "SCT", "Chest")]
    parametric.SharedFunctionalGroupsSequence[0].FrameAnatomySequence = [anatomy]
    return parametric


def _sc(sources: list[Dataset], _folder: Path) -> Dataset:
    capture = hd.sc.SCImage.from_ref_dataset(
        sources[0], np.zeros((32, 48, 3), np.uint8), "RGB", 8, "PATIENT",
        patient_orientation=("L", "P"), **{k: v for k, v in _identity("sc").items()
                                           if "serial" not in k and "model" not in k
                                           and "software" not in k},
    )  # fmt: skip
    capture.BodyPartExamined = "CHEST"
    return capture


_DOCUMENTS = {"SR": _sr, "KO": _ko, "PR": _pr, "PM": _pm, "SC": _sc}
IMAGES = ("CT", "MR", "PT", "CR", "US", "NM", "LOOP", "COLOUR")
KINDS = (
    *IMAGES,
    *(f"enhanced {modality}" for modality in IMAGES),
    *(f"seg {modality}" for modality in IMAGES),
    *_DOCUMENTS,
)
