"""Received bytes become a DICOM file, and the file tells who sent it."""

import io

import pytest
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dicom_node.intake.errors import Unreadable
from dicom_node.intake.part10 import read_meta
from tests.builders import a_series
from tests.receiving import incoming


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_the_file_is_read_by_pydicom_and_ends_with_the_bytes_as_received(syntax):
    (image,) = a_series(slices=1)
    request = incoming(image, transfer_syntax_uid=syntax)
    whole = request.file
    found = dcmread(io.BytesIO(whole))
    assert found.file_meta.TransferSyntaxUID == syntax
    assert found.file_meta.MediaStorageSOPInstanceUID == image.SOPInstanceUID
    assert found.PatientName == image.PatientName
    assert whole.endswith(request.encoded)


def test_the_meta_is_read_back_and_the_stream_left_at_the_data_set():
    (image,) = a_series(slices=1)
    request = incoming(image)
    stream = io.BytesIO(request.file)
    meta = read_meta(stream)
    assert (meta.calling_aet, meta.called_aet, meta.host) == ("SCANNER", "DICOM_NODE", "127.0.0.1")
    assert (meta.sop_class_uid, meta.sop_instance_uid) == (image.SOPClassUID, image.SOPInstanceUID)
    assert stream.read() == request.encoded


@pytest.mark.parametrize("whole", [b"", b"\0" * 200, b"\0" * 128 + b"DICM", b"x" * 400])
def test_what_is_no_file_of_ours_is_refused(whole):
    with pytest.raises(Unreadable):
        read_meta(io.BytesIO(whole))
