"""Every DICOM set of the sample folder, and what becomes of it in each pipeline of its modality."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pydicom

from pipelines.header import numbers
from tests.tools import samples

SLICES = 24  # neighbours from the middle of a long series: what is judged does not need more

OWN = ("identity", "noise")  # the test's own pipelines
SHIPPED = {
    "CT": ("ct-denoise", "ct-segment"),
    "MR": ("mr-enhance", "mr-segment"),
    "PT": ("pet-enhance", "pet-segment"),
    "NM": ("nm-enhance", "nm-segment"),
    "US": ("us-enhance", "us-segment"),
    "CR": ("xr-enhance", "xr-segment"),
}
FRAMES = {"NM", "US", "CR"}


@dataclass(frozen=True, slots=True)
class SampleSet:
    """A folder's series, or one file.

    Attributes
    ----------
    name : str
        Path in the sample folder, as its upstream names it.
    modality : str
        Empty for what is no image; the test's own volume pipelines see it all the same.
    refused : mapping
        Pipeline to the reason that its refusal must give; ``all`` stands for every pipeline.
    only : str
        What the names of the set's files begin with, in a folder of several sets.
    """

    name: str
    modality: str = ""
    refused: Mapping[str, str] = field(default_factory=dict)
    only: str = ""

    @property
    def title(self) -> str:
        """The name by which tables and tests call it: short, and no two alike."""
        name = self.name.replace("CTImage.dcm_", "").replace("TransferSyntax", "")
        return f"{name}/{self.only}*" if self.only else name

    def pipelines(self) -> tuple[str, ...]:
        """The names of the pipelines that it goes through."""
        return OWN + SHIPPED.get(self.modality, ())

    def reason(self, pipeline: str) -> str:
        """Why the pipeline must refuse it; empty where it must not."""
        return self.refused.get(pipeline, self.refused.get("all", ""))

    def all_files(self) -> list[Path]:
        """The DICOM files of the set."""
        path = samples() / self.name
        found = [path] if path.is_file() else sorted(path.iterdir())
        return [file for file in found if is_dicom(file) and file.name.startswith(self.only)]

    def files(self) -> list[Path]:
        """The files to process: all, or those at the middle `SLICES` places of a long series."""
        found = self.all_files()
        if len(found) <= SLICES + 16:
            return found
        places = {file: _place(file) for file in found}
        levels = sorted(set(places.values()))
        start = (len(levels) - SLICES) // 2
        chosen = set(levels[start : start + SLICES])
        return [file for file in found if places[file] in chosen]


def is_dicom(path: Path) -> bool:
    """Whether the file has DICOM's preamble."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def _place(path: Path) -> float:
    """How far along its normal a slice lies, in hundredths of a millimetre."""
    image = pydicom.dcmread(path, specific_tags=["ImagePositionPatient", "ImageOrientationPatient"])
    directions = np.array(numbers(image, "ImageOrientationPatient"))
    normal = np.cross(directions[:3], directions[3:])
    return round(float(normal @ numbers(image, "ImagePositionPatient")), 2)


def _each(folder: str, names: str, modality: str = "", **refused: str) -> Iterator[SampleSet]:
    """A set of every file by itself; reasons of pipelines have ``_`` for ``-``."""
    reasons = {pipeline.replace("_", "-"): code for pipeline, code in refused.items()}
    for name in names.split():
        yield SampleSet(f"{folder}/{name}", modality, reasons)


def _transcoded(names: str, **refused: str) -> Iterator[SampleSet]:
    """The one CT slice that comes in nearly every transfer syntax."""
    for each in names.split():
        name, uid = each.split(":")
        file = f"CTImage.dcm_{name}TransferSyntax_1.2.840.10008.1.2{uid}.dcm"
        yield from _each("compressed-alltransfersyntax-ct", file, "CT", **refused)


ONE_CT = {"ct_denoise": "slices", "ct_segment": "slices"}
ONE_MR = {"mr_enhance": "slices", "mr_segment": "slices"}
XA30 = "mr-enhanced-siemens-xa30"

SETS = [
    SampleSet("ct-abdomen-crlm-ct-1004", "CT"),
    SampleSet("ct-body-totalseg/dicom", "CT", {"all": "not-an-image"}),  # no SOP class, no UIDs
    SampleSet("ct-head-ge-tilt", "CT", {"all": "gantry-tilt"}),
    SampleSet("ct-phantom-mf-vs-classic", "CT", only="slice"),
    *_each("ct-phantom-mf-vs-classic", "volume.dcm", "CT", all="secondary-capture"),
    SampleSet("mr-brain-t1-saganon", "MR"),
    SampleSet("mr-breast-dce-ucsf-br-06/image", "MR"),
    SampleSet("mr-breast-dce-ucsf-br-06/seg", "", {"all": "not-an-image"}),
    SampleSet("mr-abdomen-adc-scan_001", "MR"),
    SampleSet(f"{XA30}/6_anat-T1w_acq-tfl", "MR"),
    SampleSet(f"{XA30}/27_asl_2d_tra", "MR"),
    SampleSet(f"{XA30}/8_gre_field_mapping", "MR", only="0001"),
    SampleSet(f"{XA30}/8_gre_field_mapping", "MR", only="0002"),
    SampleSet("pet-hn-qin0024/PET", "PT"),
    SampleSet("pet-hn-qin0024/SEG", "", {"all": "not-an-image"}),
    SampleSet("spect-lu177-scan_001-NC/SPECT", "PT"),
    SampleSet("spect-lu177-scan_001-NC/RTSTRUCT", "", {"all": "not-an-image"}),
    *_each("nm-samples", "NM-MONO2-16-13x-heart.dcm", "NM"),
    *_each("nm-samples", "NM1_JPLL.dcm NM1_UNC.dcm", "NM", all="secondary-capture"),
    *_each("us-dicom", "US-PAL-8-10x-echo.dcm US-RGB-8-epicard.dcm", "US"),
    *_each("us-dicom", "US-YBR_FULL_422-EVRLE.dcm philips_burnedin_testpatient.dcm", "US"),
    *_each("us-dicom", "acuson_sequoia_65fr_jpegbaseline.dcm", "US"),
    *_each("cr-dicom", "CR-MONO1-10-chest.dcm RG1_J2KR.dcm RG3_J2KR.dcm", "CR"),
    SampleSet("compressed-fragmented-5001", "MR"),
    SampleSet("compressed-mr-series/compressed", "MR", {"mr-segment": "no-frame-of-reference"}),
    SampleSet("compressed-mr-series/compressed_rle", "MR", {"mr-segment": "no-frame-of-reference"}),
    *_each("compressed-wg04", "CT1_J2KI.dcm CT1_J2KR.dcm CT1_JLSL.dcm CT1_JLSN.dcm CT1_JPLL.dcm "
           "CT1_RLE.dcm CT1_UNC.dcm", "CT", **ONE_CT),
    *_each("compressed-wg04", "MR3_J2KI.dcm MR3_J2KR.dcm MR3_JLSL.dcm MR3_JLSN.dcm MR3_JPLL.dcm "
           "MR3_RLE.dcm MR3_UNC.dcm", "MR", **ONE_MR),
    *_each("compressed-wg04", "MR3_JPLY.dcm", "MR", all="undecodable"),
    *_each("compressed-wg04", "NM1_J2KI.dcm NM1_J2KR.dcm NM1_JLSL.dcm NM1_JLSN.dcm NM1_JPLL.dcm "
           "NM1_JPLY.dcm NM1_RLE.dcm NM1_UNC.dcm", "NM", all="secondary-capture"),
    *_each("compressed-wg04", "US1_J2KI.dcm US1_J2KR.dcm US1_RLE.dcm US1_UNC.dcm", "US"),
    *_transcoded("BigEndianExplicit:.2 DeflatedExplicitVRLittleEndian:.1.99 JPEG2000:.4.91 "
                 "JPEG2000LosslessOnly:.4.90 JPEGLSLossless:.4.80 JPEGLSLossy:.4.81 "
                 "JPEGProcess14SV1:.4.70 JPEGProcess14:.4.57 JPEGProcess1:.4.50 "
                 "LittleEndianExplicit:.1 LittleEndianImplicit: RLELossless:.5", **ONE_CT),
    *_transcoded("JPEGProcess2_4:.4.51 JPEGProcess6_8:.4.53 JPEGProcess10_12:.4.55",
                 all="undecodable"),
    *_each("compressed-alltransfersyntax-ct",
           "CT0012.fragmented_no_bot_jpeg_baseline.51.dcm", "CT", all="undecodable"),
    *_each("compressed-alltransfersyntax-ct", "no-pixel-data.dcm", all="not-an-image"),
    *_each("compressed-alltransfersyntax-ct", "no-pixel-spacing.dcm", "US"),
    SampleSet("robust-geometry/gantry_tilt/001", "CT", {"all": "gantry-tilt"}),
    SampleSet("robust-geometry/missing_slices_1", "CT", {"all": "missing-slices"}),
    SampleSet("robust-geometry/mixed_orientation/001", "MR", {"all": "mixed-orientation"}),
    SampleSet("robust-geometry/hyperfine_enhanced/anatomical/001", "MR",
              {"mr-segment": "no-frame-of-reference"}),
    SampleSet("robust-geometry/hitachi_signed", "MR", {"mr-segment": "no-frame-of-reference"}),
    SampleSet("robust-geometry/duplicate_positions_ge", "MR",
              {"mr-enhance": "slices", "mr-segment": "no-frame-of-reference"}),
    *_each("robust-malformed", "20-wrong-transfer-syntax.dcm", "CT", all="undecodable"),
    *_each("robust-malformed", "J2K_pixelrep_mismatch.dcm explicit_VR-UN.dcm", "CT", **ONE_CT),
    *_each("robust-malformed", "MR_small_padded.dcm", "MR", **ONE_MR),
    *_each("robust-malformed", "MR_truncated.dcm", "MR", all="undecodable"),
    *_each("robust-malformed", "JPEG2000-embedded-sequence-delimiter.dcm", "NM",
           all="secondary-capture"),
    *_each("robust-malformed", "bad_sequence.dcm", "CT", all="no-identity"),  # hashes for UIDs
    *_each("robust-malformed", "eCT_Supplemental.dcm", "CT",  # blood flow, no HU
           ct_denoise="units", ct_segment="slices"),
    *_each("robust-malformed", "badVR.dcm emri_small_jpeg_2k_lossless_too_short.dcm "
           "nested_priv_SQ.dcm no_meta_group_length.dcm rtplan_truncated.dcm test-SR.dcm "
           "waveform_ecg.dcm", all="not-an-image"),
    *_each("robust-malformed", "meta_missing_tsyntax.dcm no_preamble_dicm_in_data.bin",
           all="unreadable"),
    *_each("robust-malformed/charset", "chrArab.dcm chrFren.dcm chrGB2312.dcm chrGerm.dcm "
           "chrGreek.dcm chrH31.dcm chrH32.dcm chrHbrw.dcm chrI2.dcm chrRuss.dcm chrX1.dcm "
           "chrX2.dcm", all="secondary-capture"),
    *_each("robust-malformed/charset", "chrJapMulti.dcm chrJapMultiExplicitIR6.dcm "
           "chrKoreanMulti.dcm", "CR", all="no-pixel-data"),
    *_each("robust-malformed/charset", "chrSQEncoding.dcm chrSQEncoding1.dcm", all="not-an-image"),
]  # fmt: skip
