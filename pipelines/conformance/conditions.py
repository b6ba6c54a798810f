"""The conditions of types 1C and 2C, and of modules, that are checked: small rules of ours.

A condition that is not named here is not checked. Each is that of the attribute's row in PS3.3;
``item`` is the data set or the item that holds the attribute, ``root`` the whole object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.conformance.raw import has, items, number, text, texts

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydicom import Dataset

    When = Callable[[Dataset, Dataset], bool]

PAIRED = {
    "ANKLE", "ARM", "BREAST", "CLAVICLE", "EAR", "ELBOW", "EYE", "FEMUR", "FOOT", "FOREARM",
    "HAND", "HIP", "HUMERUS", "KIDNEY", "KNEE", "LEG", "SHOULDER", "THIGH", "WRIST",
}  # fmt: skip
_PALETTES = tuple(
    f"{colour}PaletteColorLookupTable{part}"
    for colour in ("Red", "Green", "Blue")
    for part in ("Descriptor", "Data")
)
_SEGMENTED = tuple(f"Segmented{name}" for name in _PALETTES if name.endswith("Data"))
_ORIGINAL = {
    "enhanced-ct-image": ("AcquisitionDateTime", "AcquisitionDuration"),
    "enhanced-mr-image": (
        "AcquisitionDateTime", "AcquisitionDuration", "ResonantNucleus", "KSpaceFiltering",
        "MagneticFieldStrength",
    ),
    "mr-pulse-sequence": (
        "PulseSequenceName", "MRAcquisitionType", "EchoPulseSequence", "MultiPlanarExcitation",
        "PhaseContrast", "TimeOfFlightContrast", "SteadyStatePulseSequence",
        "EchoPlanarPulseSequence", "SaturationRecovery", "SpectrallySelectedSuppression",
        "OversamplingPhase", "GeometryOfKSpaceTraversal", "SegmentedKSpaceTraversal",
        "NumberOfKSpaceTrajectories",
    ),
    "enhanced-pet-image": ("AcquisitionDateTime", "AcquisitionDuration"),
    "enhanced-pet-acquisition": (
        "AcquisitionStartCondition", "AcquisitionTerminationCondition", "TypeOfDetectorMotion",
        "CollimatorType", "TransverseDetectorSeparation", "AxialDetectorDimension",
        "CoincidenceWindowWidth",
    ),
}  # fmt: skip
_ALWAYS = {  # 1C for the sake of legacy converted classes alone
    "enhanced-ct-image": ("BurnedInAnnotation", "LossyImageCompression", "ContentQualification"),
    "enhanced-mr-image": (
        "BurnedInAnnotation", "LossyImageCompression", "ContentQualification",
        "ApplicableSafetyStandardAgency", "ComplexImageComponent", "AcquisitionContrast",
    ),
    "enhanced-pet-image": ("BurnedInAnnotation", "LossyImageCompression"),
}  # fmt: skip


def is_original(_item: Dataset, root: Dataset) -> bool:
    """Image Type value 1 is ORIGINAL or MIXED (PS3.3 C.8.16.1.1)."""
    return text(root, "ImageType") in ("ORIGINAL", "MIXED")


def is_derived_from_images(root: Dataset) -> bool:
    """Whether any functional group says from which images a frame is derived (C.7.6.16.2.6)."""
    groups = [
        *items(root, "SharedFunctionalGroupsSequence"),
        *items(root, "PerFrameFunctionalGroupsSequence")[:1],
    ]
    return any(items(group, "DerivationImageSequence") for group in groups)


def _never(_item: Dataset, _root: Dataset) -> bool:
    return False


def _present(*keywords: str) -> When:
    return lambda item, _root: has(item, *keywords)


def _equals(keyword: str, *values: str, value: int = 0) -> When:
    def holds(item: Dataset, _root: Dataset) -> bool:
        found = texts(item, keyword)
        return len(found) > value and found[value] in values

    return holds


def _points_to(tag: int) -> When:
    low, high = tag & 0xFFFF, tag >> 16
    wanted = high.to_bytes(2, "little") + low.to_bytes(2, "little")

    def holds(item: Dataset, _root: Dataset) -> bool:
        found = item.get_item(0x00280009)  # Frame Increment Pointer
        if found is None or not found.value:
            return False
        return wanted == found.value[:4] if isinstance(found.value, bytes) else found.value == tag

    return holds


def _no_place(item: Dataset, root: Dataset) -> bool:
    return not has(item, "ImageOrientationPatient", "ImageOrientationSlide") and not any(
        has(group, "PlaneOrientationSequence")
        for keyword in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
        for group in items(root, keyword)[:1]
    )


def _names_sides_of_frames(root: Dataset) -> bool:
    """Frame Laterality stands in for the series' one (PS3.3 C.7.3.1)."""
    return any(
        has(group, "FrameAnatomySequence")
        for keyword in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
        for group in items(root, keyword)[:1]
    )


def _palette(item: Dataset, _root: Dataset) -> bool:
    return text(item, "PhotometricInterpretation") == "PALETTE COLOR" and not (
        has(item, *_SEGMENTED)
    )


def _in_volume(*properties: str, of_originals: bool = False) -> When:
    """Of a segmentation with a frame of reference, or an image of these Volumetric Properties."""

    def holds(_item: Dataset, root: Dataset) -> bool:
        if has(root, "SegmentSequence"):
            return has(root, "FrameOfReferenceUID")
        is_asked = not of_originals or text(root, "ImageType") == "ORIGINAL"
        return is_asked and text(root, "VolumetricProperties") in properties

    return holds


def _scheme_is_due(item: Dataset, _root: Dataset) -> bool:
    return has(item, "CodeValue", "LongCodeValue")


# True only where the attribute's own module is in use, so they hold in optional modules too.
COMPANIONS: dict[str, When] = {
    "PatientAlternativeCalendar": _present(
        "PatientBirthDateInAlternativeCalendar", "PatientDeathDateInAlternativeCalendar"
    ),
    "ResponsiblePersonRole": lambda item, _root: bool(text(item, "ResponsiblePerson")),
    "PixelPaddingValue": _present("PixelPaddingRangeLimit"),
    "PlanarConfiguration": lambda item, _root: (number(item, "SamplesPerPixel") or 1) > 1,
    "RescaleSlope": _present("RescaleIntercept"),
    "modality-lut:RescaleType": _present("RescaleIntercept"),
    "ct-image:RescaleType": _equals("MultienergyCTAcquisition", "YES"),
    "WindowWidth": _present("WindowCenter"),
    "FrameTime": _points_to(0x00181063),
    "FrameTimeVector": _points_to(0x00181065),
    "us-image:FrameIncrementPointer": _present("NumberOfFrames"),
    "LossyImageCompressionRatio": _equals("LossyImageCompression", "01"),
    "LossyImageCompressionMethod": _equals("LossyImageCompression", "01"),
    # Required of these only as far as their sources have it (C.8.20.2, C.8.32.2).
    "segmentation-image:LossyImageCompressionRatio": _never,
    "segmentation-image:LossyImageCompressionMethod": _never,
    "parametric-map-image:LossyImageCompressionRatio": _never,
    "parametric-map-image:LossyImageCompressionMethod": _never,
    "SegmentationFractionalType": _equals("SegmentationType", "FRACTIONAL"),
    "MaximumFractionalValue": _equals("SegmentationType", "FRACTIONAL"),
    "ConcatenationFrameOffsetNumber": _present("ConcatenationUID"),
    "InConcatenationNumber": _present("ConcatenationUID"),
    "SOPInstanceUIDOfConcatenationSource": _present("ConcatenationUID"),
    "BitsStored": _present("PixelData"),
    "HighBit": _present("PixelData"),
    "ShutterLeftVerticalEdge": _equals("ShutterShape", "RECTANGULAR"),
    "ShutterRightVerticalEdge": _equals("ShutterShape", "RECTANGULAR"),
    "ShutterUpperHorizontalEdge": _equals("ShutterShape", "RECTANGULAR"),
    "ShutterLowerHorizontalEdge": _equals("ShutterShape", "RECTANGULAR"),
    "CenterOfCircularShutter": _equals("ShutterShape", "CIRCULAR"),
    "RadiusOfCircularShutter": _equals("ShutterShape", "CIRCULAR"),
    "VerticesOfThePolygonalShutter": _equals("ShutterShape", "POLYGONAL"),
    "VerifyingObserverSequence": _equals("VerificationFlag", "VERIFIED"),
    "RandomsCorrectionMethod": _equals("RandomsCorrected", "YES"),
    "AttenuationCorrectionSource": _equals("AttenuationCorrected", "YES"),
    "ScatterCorrectionMethod": _equals("ScatterCorrected", "YES"),
    "ICCProfile": _equals("PixelPresentation", "COLOR_RANGE"),
    # Codes: PS3.3 table 8.8-1a and 8.8-1b.
    "CodingSchemeDesignator": _scheme_is_due,
    "MappingResource": _present("ContextIdentifier"),
    "ContextGroupVersion": _present("ContextIdentifier"),
    # Segments: PS3.3 table C.8.20-4.
    "SegmentAlgorithmName": _equals("SegmentAlgorithmType", "AUTOMATIC", "SEMIAUTOMATIC"),
    "TrackingUID": _present("TrackingID"),
    "TrackingID": _present("TrackingUID"),
    # Graphic annotations: PS3.3 table C.10-5.
    "BoundingBoxTopLeftHandCorner": lambda item, _root: (
        has(item, "UnformattedTextValue") and not has(item, "AnchorPoint")
    ),
    "BoundingBoxBottomRightHandCorner": _present("BoundingBoxTopLeftHandCorner"),
    "AnchorPointVisibility": _present("AnchorPoint"),
    "AnchorPointAnnotationUnits": _present("AnchorPoint"),
    **dict.fromkeys(_PALETTES, _palette),
}

# True of an absent attribute, so they hold only where the module or the item is there.
ALTERNATIVES: dict[str, When] = {
    "DeidentificationMethod": lambda item, _root: (
        text(item, "PatientIdentityRemoved") == "YES"
        and not has(item, "DeidentificationMethodCodeSequence")
    ),
    "CodeValue": lambda item, _root: not has(item, "LongCodeValue", "URNCodeValue"),
    "PixelData": lambda item, _root: not has(item, "PixelDataProviderURL"),
    "general-image:PatientOrientation": _no_place,
    "dx-image:PatientOrientation": lambda item, _root: not has(item, "ViewCodeSequence"),
    "general-series:PatientPosition": lambda item, _root: (
        text(item, "Modality") in ("CT", "MR")
        and text(item, "SOPClassUID") in ("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4")
        and not has(item, "PatientOrientationCodeSequence")
    ),
    "voi-lut:WindowCenter": lambda item, _root: not has(item, "VOILUTSequence"),
    "modality-lut:RescaleIntercept": lambda item, _root: not has(item, "ModalityLUTSequence"),
    "softcopy-presentation-lut:PresentationLUTShape": lambda item, _root: (
        not has(item, "PresentationLUTSequence")
    ),
    "enhanced-mr-image:PresentationLUTShape": _equals("PhotometricInterpretation", "MONOCHROME2"),
    "DimensionIndexSequence": lambda item, _root: (
        text(item, "DimensionOrganizationType") != "TILED_FULL"
    ),
    "mr-image:RepetitionTime": lambda item, _root: (
        not ("EP" in texts(item, "ScanningSequence") and "SK" not in texts(item, "SequenceVariant"))
    ),
    "mr-image:InversionTime": lambda item, _root: "IR" in texts(item, "ScanningSequence"),
    **{f"{name}:{word}": is_original for name, words in _ORIGINAL.items() for word in words},
    **{
        f"{name}:{word}": lambda _item, _root: True
        for name, words in _ALWAYS.items()
        for word in words
    },
}

# In functional groups, whose rows have no module: PS3.3 C.7.6.16.2.1 to .4 and .11.
ALTERNATIVES |= {
    ":PixelSpacing": _in_volume("VOLUME"),
    ":SliceThickness": _in_volume("VOLUME", "SAMPLED"),
    ":ImagePositionPatient": _in_volume("VOLUME", "SAMPLED", of_originals=True),
    ":ImageOrientationPatient": _in_volume("VOLUME", "SAMPLED", of_originals=True),
    ":DimensionIndexValues": lambda _item, root: has(root, "DimensionIndexSequence"),
    ":InStackPositionNumber": _present("StackID"),
    ":RealWorldValueSlope": lambda item, _root: not has(item, "RealWorldValueLUTData"),
    ":RealWorldValueIntercept": lambda item, _root: not has(item, "RealWorldValueLUTData"),
    **dict.fromkeys(
        (":FrameReferenceDateTime", ":FrameAcquisitionDateTime", ":FrameAcquisitionDuration"),
        lambda _item, root: text(root, "ImageType") == "ORIGINAL",
    ),
}

# 2C, but seldom sent by scanners and asked for by no reader: told, not held.
LENIENT: dict[str, When] = {
    "Laterality": lambda item, _root: (
        text(item, "BodyPartExamined") in PAIRED
        and not has(item, "ImageLaterality", "FrameLaterality", "MeasurementLaterality")
        and not _names_sides_of_frames(item)
    ),
}

MODULES: dict[str, When] = {
    "multi-energy-ct-image": _equals("MultienergyCTAcquisition", "YES"),
    "pet-multi-gated-acquisition": _equals("SeriesType", "GATED"),
    "voi-lut": _equals("PresentationIntentType", "FOR PRESENTATION"),
    "nm-tomo-acquisition": _equals(
        "ImageType", "TOMO", "GATED TOMO", "RECON TOMO", "RECON GATED TOMO", value=2
    ),
    "nm-multi-gated-acquisition": _equals(
        "ImageType", "GATED", "GATED TOMO", "RECON GATED TOMO", value=2
    ),
    "nm-phase": _equals("ImageType", "DYNAMIC", value=2),
    "nm-reconstruction": _equals("ImageType", "RECON TOMO", "RECON GATED TOMO", value=2),
    "mr-pulse-sequence": is_original,
    "image-pixel": _present("PixelData"),
    "floating-point-image-pixel": _present("FloatPixelData"),
    "double-floating-point-image-pixel": _present("DoubleFloatPixelData"),
    "multi-frame": lambda item, _root: (number(item, "NumberOfFrames") or 1) > 1,
    "modality-lut": _equals("PixelIntensityRelationship", "LOG"),
    "frame-of-reference": lambda item, root: (
        has(item, "SegmentSequence") and not is_derived_from_images(root)
    ),
}
