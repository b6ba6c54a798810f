"""What becomes of every attribute of a source image in its enhanced image.

A public attribute that no table below names is kept, byte for byte: patient, study, acquisition,
geometry, rescale, window and everything else that stays true (ENH-01, 04, 07, 08, 13, 15, 17, 18,
20, 21, 22, and the PET and ultrasound attributes of which the standard makes measurements).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from pydicom.datadict import tag_for_keyword

if TYPE_CHECKING:
    from collections.abc import Callable

REPLACED = {
    "ENH-02": ("SOPInstanceUID",),
    "ENH-03": ("SeriesInstanceUID", "SeriesNumber"),
    "ENH-05": ("ImageType",),
    "ENH-08": ("SeriesDescription", "DerivationDescription"),
    "ENH-09": ("DerivationCodeSequence", "CodingSchemeIdentificationSequence"),
    "ENH-10": (
        "Manufacturer", "ManufacturerModelName", "DeviceSerialNumber", "SoftwareVersions",
        "DeviceUID", "StationName",
    ),
    "ENH-11": ("ContributingEquipmentSequence",),
    "ENH-12": ("SourceImageSequence",),
    "ENH-14": ("ReferencedSeriesSequence",),
    "ENH-25": (
        "InstanceCreationDate", "InstanceCreationTime", "ContentDate", "ContentTime", "SeriesDate",
        "SeriesTime",
    ),
}  # fmt: skip

DROPPED = {
    "ENH-12": ("SourceInstanceSequence",),
    "ENH-19": (
        "SmallestImagePixelValue", "LargestImagePixelValue", "SmallestPixelValueInSeries",
        "LargestPixelValueInSeries", "SmallestImagePixelValueInPlane",
        "LargestImagePixelValueInPlane",
    ),
    "ENH-26": (
        "IconImageSequence", "OriginalAttributesSequence", "DigitalSignaturesSequence",
        "MACParametersSequence", "EncryptedAttributesSequence", "SeriesDescriptionCodeSequence",
        "ReferencedPerformedProcedureStepSequence", "PerformedProcedureStepID",
        "PerformedProcedureStepStartDate", "PerformedProcedureStepStartTime",
        "PerformedProcedureStepEndDate", "PerformedProcedureStepEndTime",
        "PerformedProcedureStepDescription", "CommentsOnThePerformedProcedureStep",
        "PerformedProtocolCodeSequence", "StorageMediaFileSetID", "StorageMediaFileSetUID",
        "DataSetTrailingPadding", "UDISequence", "DeviceID", "GantryID", "InstanceCreatorUID",
        "DateOfLastCalibration", "TimeOfLastCalibration", "DateOfManufacture",
        "DateOfInstallation", "DateOfLastDetectorCalibration", "TimeOfLastDetectorCalibration",
        "InstanceAvailability", "RetrieveAETitle", "RetrieveURL", "QueryRetrieveLevel",
    ),
}  # fmt: skip

# PET: every time-dependent value counts from Series Date and Time (PS3.3 C.8.9.1.1.2).
PET_KEPT = ("SeriesDate", "SeriesTime")

# Enhanced objects tell it frame by frame: what the source says at its top stays true there.
GROUPS_REPLACED = ("DerivationDescription", "DerivationCodeSequence", "SourceImageSequence")
# The MR Pulse Sequence module is required where Image Type says ORIGINAL or MIXED, and "may be
# present otherwise" (PS3.3 A.36.2.3). Without it a derived object is right by every edition, while
# dciodvfy calls each of these an error; the source, which every frame names, has them.
PULSE_SEQUENCE = (
    "PulseSequenceName", "MRAcquisitionType", "EchoPulseSequence", "MultipleSpinEcho",
    "MultiPlanarExcitation", "PhaseContrast", "VelocityEncodingAcquisitionSequence",
    "TimeOfFlightContrast", "SteadyStatePulseSequence", "EchoPlanarPulseSequence",
    "SaturationRecovery", "SpectrallySelectedSuppression", "OversamplingPhase",
    "GeometryOfKSpaceTraversal", "RectilinearPhaseEncodeReordering", "SegmentedKSpaceTraversal",
    "CoverageOfKSpace", "NumberOfKSpaceTrajectories",
)  # fmt: skip
FUNCTIONAL_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")

# Colour comes out as RGB: a palette would be applied a second time.
COLOUR_REPLACED = (
    "PhotometricInterpretation", "SamplesPerPixel", "PlanarConfiguration",
    "RedPaletteColorLookupTableDescriptor", "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor", "RedPaletteColorLookupTableData",
    "GreenPaletteColorLookupTableData", "BluePaletteColorLookupTableData",
    "SegmentedRedPaletteColorLookupTableData", "SegmentedGreenPaletteColorLookupTableData",
    "SegmentedBluePaletteColorLookupTableData", "PaletteColorLookupTableUID",
)  # fmt: skip

# Patient, study and request, which a segmentation has in common with its source (ENH-04).
STUDY_KEPT = (
    "SpecificCharacterSet", "TimezoneOffsetFromUTC",
    "PatientName", "PatientID", "IssuerOfPatientID", "IssuerOfPatientIDQualifiersSequence",
    "TypeOfPatientID", "OtherPatientIDs", "OtherPatientIDsSequence", "OtherPatientNames",
    "PatientBirthDate", "PatientBirthTime", "PatientSex", "QualityControlSubject", "EthnicGroup",
    "PatientComments", "ReferencedPatientSequence", "PatientIdentityRemoved",
    "DeidentificationMethod", "DeidentificationMethodCodeSequence", "PatientSpeciesDescription",
    "PatientSpeciesCodeSequence", "PatientBreedDescription", "PatientBreedCodeSequence",
    "BreedRegistrationSequence", "ResponsiblePerson", "ResponsiblePersonRole",
    "ResponsibleOrganization", "LongitudinalTemporalInformationModified",
    "ClinicalTrialSponsorName", "ClinicalTrialProtocolID", "ClinicalTrialProtocolName",
    "ClinicalTrialSiteID", "ClinicalTrialSiteName", "ClinicalTrialSubjectID",
    "ClinicalTrialSubjectReadingID", "ClinicalTrialTimePointID",
    "ClinicalTrialTimePointDescription", "LongitudinalTemporalOffsetFromEvent",
    "LongitudinalTemporalEventType", "ConsentForClinicalTrialUseSequence",
    "StudyInstanceUID", "StudyDate", "StudyTime", "ReferringPhysicianName",
    "ReferringPhysicianIdentificationSequence", "ConsultingPhysicianName", "StudyID",
    "AccessionNumber", "IssuerOfAccessionNumberSequence", "StudyDescription",
    "PhysiciansOfRecord", "PhysiciansOfRecordIdentificationSequence",
    "NameOfPhysiciansReadingStudy", "PhysiciansReadingStudyIdentificationSequence",
    "RequestingService", "ReferencedStudySequence", "ProcedureCodeSequence",
    "AdmittingDiagnosesDescription", "PatientAge", "PatientSize", "PatientWeight",
    "PatientSizeCodeSequence", "MedicalAlerts", "Allergies", "SmokingStatus", "PregnancyStatus",
    "LastMenstrualDate", "PatientState", "Occupation", "AdditionalPatientHistory", "AdmissionID",
    "IssuerOfAdmissionIDSequence", "ServiceEpisodeID", "ServiceEpisodeDescription",
    "PatientSexNeutered", "RequestAttributesSequence", "BodyPartExamined", "Laterality",
)  # fmt: skip

# Of these, what must be there even if nothing is known: type 2 (PS3.3 C.7.1.1, C.7.2.1).
STUDY_PRESENT = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime",
    "ReferringPhysicianName", "StudyID", "AccessionNumber",
)  # fmt: skip

# What tells of the device that made the source, for its Contributing Equipment item (ENH-11).
EQUIPMENT_KEPT = (
    "Manufacturer", "InstitutionName", "InstitutionAddress", "StationName",
    "InstitutionalDepartmentName", "ManufacturerModelName", "DeviceSerialNumber",
    "SoftwareVersions", "DeviceUID", "SpatialResolution", "DateOfLastCalibration",
    "TimeOfLastCalibration",
)  # fmt: skip

_REPEATING_GROUPS = (0x50, 0x60)  # curves and overlays (ENH-26)


@cache
def tags(*keywords: str) -> frozenset[int]:
    """The tags of `keywords`, every one of which the dictionary knows."""
    found = {keyword: tag_for_keyword(keyword) for keyword in keywords}
    unknown = [keyword for keyword, tag in found.items() if tag is None]
    if unknown:
        raise LookupError(f"no such attribute: {', '.join(unknown)}")
    return frozenset(tag for tag in found.values() if tag is not None)


def keeps(
    modality: str, *, colour: bool = False, multi_frame: bool = False
) -> Callable[[int], bool]:
    """Whether a tag of the source is copied; the others are dropped, or written anew."""
    named = [word for words in (*REPLACED.values(), *DROPPED.values()) for word in words]
    if modality == "PT":
        named = [word for word in named if word not in PET_KEPT]
    if multi_frame:
        named = [word for word in named if word not in GROUPS_REPLACED]
        named += [*FUNCTIONAL_GROUPS, *PULSE_SEQUENCE]
    left = tags(*named, *(COLOUR_REPLACED if colour else ()))
    return lambda tag: tag not in left and tag >> 24 not in _REPEATING_GROUPS
