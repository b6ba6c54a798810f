"""One message for each row, valid by every schema, and harmless whatever the row holds."""

from __future__ import annotations

import base64
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_node.audit.message import message_of
from storage.db.types import storable
from tests.audit_rows import CT, HERE, ROWS, SEG, STUDY, a_row
from tests.judges.audit_messages import errors_of

MOST_OCTETS = 32_768  # every receiver takes so much (AUD-10)
HOSTILE = "x\n<85>1 - forged\r\x00\x1b[2J\u202egnp.exe\u2028<b a='\"&amp;'>]]> Zzphi"


def tree_of(row) -> ElementTree.Element:
    return ElementTree.fromstring(message_of(row, HERE))


def test_aud_01_02_03_a_message_of_each_kind_of_event_is_valid(tmp_path):
    assert [] == errors_of([message_of(row, HERE) for row in ROWS.values()], tmp_path)


def test_the_judges_see_what_is_wrong(tmp_path):
    right = message_of(ROWS["received"], HERE)
    wrong = [
        right.replace("csd-code", "code"),
        right.replace("<ParticipantObjectName />", ""),
        right.replace('EventOutcomeIndicator="0"', 'EventOutcomeIndicator="3"'),
        right.replace("+00:00", "+00:00:00"),
    ]
    assert right not in wrong

    for number, message in enumerate(wrong):
        assert errors_of([message], tmp_path / str(number))


def test_a_reception_names_source_destination_study_patient_and_numbers():
    tree = tree_of(ROWS["received"])
    source, destination = tree.findall("ActiveParticipant")
    study, patient = tree.findall("ParticipantObjectIdentification")

    assert {
        "UserID": "CT1", "UserIsRequestor": "true", "AlternativeUserID": "AETITLES=CT1",
        "UserName": "CT1", "NetworkAccessPointID": "10.0.0.9", "NetworkAccessPointTypeCode": "2",
    } == source.attrib  # fmt: skip
    assert ("110153", "110152") == tuple(
        one.find("RoleIDCode").get("csd-code") for one in (source, destination)
    )
    assert ("4711", "AETITLES=DICOM_NODE;ARCHIVE", "false", "node1", "1") == tuple(
        destination.get(name)
        for name in ("UserID", "AlternativeUserID", "UserIsRequestor", "NetworkAccessPointID",
                     "NetworkAccessPointTypeCode")
    )  # fmt: skip
    assert "2.25.1" == study.get("ParticipantObjectID")
    described = study.find("ParticipantObjectDescription")
    assert "A123" == described.find("Accession").get("Number")
    assert {"UID": CT, "NumberOfInstances": "300"} == described.find("SOPClass").attrib
    assert ("P1", "1", "1") == tuple(
        patient.get(f"ParticipantObject{name}") for name in ("ID", "TypeCode", "TypeCodeRole")
    )


def test_a_delivery_goes_from_this_node_to_the_destination():
    for name in ("sending", "sent", "not sent"):
        us, peer = tree_of(ROWS[name]).findall("ActiveParticipant")
        assert ("110153", "true") == (
            us.find("RoleIDCode").get("csd-code"), us.get("UserIsRequestor")
        )  # fmt: skip
        assert ("110152", "false", "PACS", "10.0.0.8") == (
            peer.find("RoleIDCode").get("csd-code"), peer.get("UserIsRequestor"),
            peer.get("UserID"), peer.get("NetworkAccessPointID"),
        )  # fmt: skip


def test_aud_05_a_failure_says_so_and_why():
    event = tree_of(ROWS["refused"]).find("EventIdentification")

    assert "4" == event.get("EventOutcomeIndicator")
    assert "2 instances refused with status 0xA900" == event.findtext("EventOutcomeDescription")
    assert tree_of(ROWS["received"]).find(".//EventOutcomeDescription") is None


@pytest.mark.parametrize("name", ROWS)
def test_aud_06_07_one_patient_and_at_most_one_requestor(name):
    tree = tree_of(ROWS[name])
    kinds = [one.get("csd-code") for one in tree.iter("ParticipantObjectIDTypeCode")]
    asking = [one for one in tree.iter("ActiveParticipant") if one.get("UserIsRequestor") == "true"]

    assert kinds.count("110180") <= 1
    assert kinds.count("110180") <= kinds.count("2") <= 1
    assert len(asking) <= 1


def test_a_derivation_says_what_was_made_of_the_study_and_by_what():
    tree = tree_of(ROWS["derived"])

    assert "ct-organs 1.2" == tree.find("ActiveParticipant").get("UserName")
    assert SEG == tree.find(".//SOPClass").get("UID")
    study = tree.find("ParticipantObjectIdentification")
    assert "8" == study.get("ParticipantObjectDataLifeCycle")


def test_aud_08_a_search_for_a_name_does_not_tell_the_name():
    query = tree_of(ROWS["searched"]).findtext(".//ParticipantObjectQuery")

    told = base64.b64decode(query).decode()
    assert '{"accession": "A1", "patient": "withheld", "state": ""}' == told


def test_who_was_rejected_and_who_reports_it():
    tree = tree_of(ROWS["association rejected"])
    us, them = tree.findall("ActiveParticipant")

    assert ("true", "EVIL", "10.0.0.66") == (
        us.get("UserIsRequestor"), them.get("UserID"), them.get("NetworkAccessPointID")
    )  # fmt: skip
    alert = tree.find("ParticipantObjectIdentification")
    assert "10.0.0.66" == alert.get("ParticipantObjectID")
    detail = alert.find("ParticipantObjectDetail")
    assert "Alert Description" == detail.get("type")
    assert b"no peer has its AE title" in base64.b64decode(detail.get("value"))


def test_a_row_of_an_earlier_version_is_told_with_what_it_has():
    row = a_row("110104", "C", **STUDY, subject="delivery:4", text="delivery 4 to main-pacs: sent")

    us, peer = tree_of(row).findall("ActiveParticipant")

    assert (HERE.source_id, "main-pacs") == (us.get("UserID"), peer.get("UserID"))


def test_what_a_peer_wrote_stays_on_one_line_and_inside_its_attribute(tmp_path):
    row = a_row(
        "110104", "C", f"peer:{HOSTILE}", origin=HOSTILE, study_uid=HOSTILE, patient_id=HOSTILE,
        accession_number=HOSTILE, text=HOSTILE, outcome=4, subject=HOSTILE,
        detail={"sop_classes": {HOSTILE: 3, CT: "many", "1.02.3": 2}, "pid": HOSTILE, "to": 1},
    )  # fmt: skip

    message = message_of(row, HERE)

    assert not any(mark in message for mark in "\n\r\x00\x1b\u202e\u2028")
    assert [] == errors_of([message], tmp_path)
    assert ElementTree.fromstring(message).get("a") is None
    assert 2 == message.count("<ActiveParticipant ")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
WORDS = (
    "pid", "to", "from", "sop_classes", "failed", "asked", "sop_class", "identifier", "pipeline",
    "version", "anonymized",
)  # fmt: skip
details = st.fixed_dictionaries({}, optional=dict.fromkeys(WORDS, anything))
texts = st.text().map(storable)


@given(
    st.sampled_from(list(ROWS.values())),
    st.fixed_dictionaries(
        {"actor": texts, "origin": texts, "study_uid": texts, "subject": texts, "text": texts,
         "event_type": texts, "action": texts, "outcome": st.integers(), "detail": details},
    ),
)  # fmt: skip
def test_any_row_gives_one_line_of_xml(model, values):
    row = a_row(model.event, **values)

    message = message_of(row, HERE)

    assert message == message_of(row, HERE)
    assert len(message.splitlines()) == 1
    assert "AuditMessage" == ElementTree.fromstring(message).tag


@pytest.mark.parametrize("letter", ["&", '"', "患", "\U0001f600", "\n"])
@pytest.mark.parametrize("event", ["110103", "110104", "110106", "110112", "110113"])
def test_aud_10_the_longest_row_is_no_longer_than_every_receiver_takes(event, letter):
    long = letter * 10_000
    row = a_row(
        event, "C", f"peer:{letter * 123}", origin=letter * 255, study_uid=letter * 64, outcome=12,
        patient_id=letter * 64, accession_number=letter * 16, subject=letter * 64, text=long,
        detail={"failed": {f"{long}{n}": long for n in range(200)}, "asked": {"x": long},
                "sop_classes": {f"1.{10**60 + n}": 10**9 for n in range(200)},
                "pipeline": long, "version": long, "to": {"aet": long, "host": long}},
    )  # fmt: skip

    assert len(message_of(row, HERE).encode()) < MOST_OCTETS - 500  # and the head of the line
