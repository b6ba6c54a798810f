"""docs/conformance.md is true: its tables against a node that listens, calls and answers.

What it says of the objects that are made is in ``test_conformance_objects.py``.
"""

from __future__ import annotations

import socket
import ssl
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.charset import python_encoding
from pydicom.pixels import get_decoder
from pydicom.uid import UID, JPEGBaseline8Bit, UID_dictionary
from pynetdicom import (
    ALL_TRANSFER_SYNTAXES,
    AllStoragePresentationContexts,
    build_context,
    build_role,
)
from pynetdicom.association import Association
from pynetdicom.pdu_primitives import (
    AsynchronousOperationsWindowNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
)

from dicom_node import __version__
from dicom_node.config import Settings
from dicom_node.delivery.transfer import is_accepted
from dicom_node.intake.part10 import write_meta
from dicom_node.net.commitment import (
    ALL_SAFE,
    PUSH_MODEL,
    SOME_FAILED,
    ActionStatus,
    FailureReason,
    Report,
)
from dicom_node.net.commitment_call import call_back
from dicom_node.net.entity import Entity
from dicom_node.net.errors import PeerError
from dicom_node.net.scp import StorageScp
from dicom_node.net.scu import (
    FALLBACKS,
    MOST_CONTEXTS,
    OutgoingFile,
    echo,
    send,
    taken_classes,
)
from dicom_node.net.server import NEGOTIATION_S
from dicom_node.net.status import Status
from dicom_node.net.tls import make_context
from dicom_node.net.transcoding import SYNTAXES
from pipelines.dicom_out import files
from tests.builders import a_series, write_series
from tests.certificates import Authority, openssl
from tests.overheard import Proposed, overhearing
from tests.pdus import ABORT, APPLICATION, ASSOCIATE_RJ, EXPLICIT, VERIFICATION, Wire, associate_rq
from tests.receiving import HeardIntake, incoming, settings_for
from tests.statement import STATEMENT, column, numbers, table

PRIVATE_AND_UNKNOWN = ["1.2.840.113619.4.26", "1.3.12.2.1107.5.9.1", "1.2.3.4"]
STANDARD = sorted(
    uid
    for uid, (_name, kind, _more, retired, _word) in UID_dictionary.items()
    if kind in ("SOP Class", "Meta SOP Class") and not retired
)
KNOWN = sorted({*STANDARD, *(str(one.abstract_syntax) for one in AllStoragePresentationContexts)})
YES = {True: "yes", False: "no"}


class NoCommitments:
    """Says nothing: here requests are negotiated and not made."""

    def closed(self, _association: Association) -> None:
        pass


@pytest.fixture(scope="module")
def port(tmp_path_factory) -> Iterator[int]:
    """Where a node with default settings listens."""
    settings = settings_for(tmp_path_factory.mktemp("node") / "data")
    scp = StorageScp(settings, HeardIntake(lambda _request: Status.SUCCESS),
                     commitments=NoCommitments())  # fmt: skip
    yield scp.start()[1]
    scp.stop(1)


def associate(port: int, contexts: list[Any], more: Iterable[Any] = ()) -> Association:
    return Entity("PEER").associate(
        "127.0.0.1", port, contexts=contexts, ae_title="DICOM_NODE", ext_neg=list(more)
    )


def negotiated(port: int, uids: list[str]) -> tuple[list[str], dict[str, int]]:
    """Abstract syntaxes that are accepted, and those that are refused with the result."""
    most = policy("presentation contexts of one association", "As acceptor")
    taken, refused = [], {}
    for first in range(0, len(uids), int(most)):
        some = uids[first : first + int(most)]
        association = associate(port, [build_context(uid) for uid in some])
        taken += [str(one.abstract_syntax) for one in association.accepted_contexts]
        refused |= {str(one.abstract_syntax): one.result for one in association.rejected_contexts}
        association.release()
    return taken, refused


def policy(name: str, side: str) -> str:
    return next(row[side] for row in table("7-2") if row["Policy"] == name)


def test_it_is_of_this_version():
    cover = STATEMENT.read_text(encoding="utf-8").partition("## 1 ")[0]

    assert f"| Version | {__version__} |" in cover
    assert column("7-1", "Implementation Version Name")[0] in cover


# Statuses


def test_the_c_store_statuses_are_those_of_the_node():
    assert {int(one): one.name for one in Status} == numbers("5-3", "Status")


def test_the_n_action_statuses_are_those_of_the_node():
    assert {int(one): one.name for one in ActionStatus} == numbers("5-4", "Status")


def test_the_failure_reasons_are_those_of_the_node():
    assert {int(one): one.name for one in FailureReason} == numbers("5-5", "Reason")


def test_the_event_types_are_those_of_the_node():
    assert [str(ALL_SAFE), str(SOME_FAILED)] == column("5-6", "Event Type ID")


def test_a_peer_s_statuses_mean_what_is_said():
    said: set[int] = set()
    for row in table("5-2"):
        if row["Meaning to the node"].startswith("accepted"):
            first, _, last = row["Status"].partition(" to ")
            said |= set(range(int(first, 0), int(last or first, 0) + 1))

    assert said == {status for status in range(0x10000) if is_accepted(status)}


# What is accepted


def test_every_class_is_accepted_that_is_said_to_be_and_no_other(port):
    taken, refused = negotiated(port, KNOWN)
    said = {*column("A-1", "UID"), *column("7-9", "UID"), VERIFICATION, PUSH_MODEL}

    assert said == set(taken)
    assert dict.fromkeys(column("7-8", "UID"), 3) == refused


@pytest.mark.parametrize("number", ["1-1", "7-8", "7-9", "A-1", "A-2"])
def test_classes_have_the_names_of_the_standard(number):
    rows = [row for row in table(number) if row["UID"]]

    assert [row["SOP class"] for row in rows] == [UID(row["UID"]).name for row in rows]


def test_the_names_of_transfer_syntaxes_and_what_is_decoded():
    said = {row["UID"]: row["Pixels decoded for pipelines"] for row in table("7-7")}

    assert {str(uid): YES[is_decoded(uid)] for uid in ALL_TRANSFER_SYNTAXES} == said
    assert [UID(uid).name for uid in said] == column("7-7", "Transfer syntax")


def is_decoded(uid: UID) -> bool:
    try:
        return get_decoder(uid).is_available
    except NotImplementedError:
        return False


def test_each_class_is_taken_in_the_first_transfer_syntax_proposed(port):
    syntaxes = column("7-7", "UID")
    classes = [*column("A-1", "UID"), *PRIVATE_AND_UNKNOWN]
    wanted = [(one, syntaxes[number % len(syntaxes)]) for number, one in enumerate(classes)]
    wanted += [(classes[0], syntax) for syntax in syntaxes]
    for first in range(0, len(wanted), 128):
        some = wanted[first : first + 128]
        last = syntaxes[0]
        association = associate(port, [build_context(one, [first_one, last])
                                       for one, first_one in some])  # fmt: skip
        taken = [(str(one.abstract_syntax), str(one.transfer_syntax[0]))
                 for one in association.accepted_contexts]  # fmt: skip
        association.release()

        assert some == taken


@pytest.mark.parametrize("row", [0, 1], ids=["verification", "commitment"])
def test_other_services_are_taken_in_the_transfer_syntaxes_said(port, row):
    said = table("7-6")[row]
    syntaxes = said["Transfer syntaxes"].split("; ")
    abstract = said["Abstract syntax"]
    association = associate(
        port, [build_context(abstract, one) for one in [*syntaxes, JPEGBaseline8Bit]]
    )
    taken = [str(one.transfer_syntax[0]) for one in association.accepted_contexts]
    association.release()

    assert syntaxes == taken


def test_commitment_is_taken_in_either_role(port):
    assert "SCU; SCP where it asks for the role" == table("7-6")[1]["Role of the peer"]
    for scu, scp in ((True, False), (False, True)):
        role = build_role(PUSH_MODEL, scu_role=scu, scp_role=scp)
        association = associate(port, [build_context(PUSH_MODEL)], [role])
        (context,) = association.accepted_contexts
        association.release()

        assert (scu, scp) == (context.as_scu, context.as_scp)


def test_what_serves_nothing_is_answered_so(port):
    worklist = "1.2.840.10008.5.1.4.31"
    assert worklist in column("7-9", "UID")
    association = associate(port, [build_context(worklist)])
    wanted = Dataset()
    wanted.PatientName = "*"
    statuses = [int(status.Status) for status, _ in association.send_c_find(wanted, worklist)]
    association.release()

    assert [0xC311] == statuses


def test_the_policies_of_the_acceptor(port):
    window = AsynchronousOperationsWindowNegotiation()
    window.maximum_number_operations_invoked = window.maximum_number_operations_performed = 5
    identity = UserIdentityNegotiation()
    identity.user_identity_type, identity.primary_field = 1, b"alice"
    identity.positive_response_requested = True
    extended = SOPClassExtendedNegotiation()
    extended.sop_class_uid = VERIFICATION
    extended.service_class_application_information = b"\1"
    association = associate(port, [build_context(VERIFICATION)], [window, identity, extended])
    node = association.acceptor
    association.release()

    def said(name: str) -> str:
        return policy(name, "As acceptor")

    assert said("maximum length of received PDUs") == str(node.maximum_length)
    assert said("asynchronous operations window") == "{}, {}".format(*node.asynchronous_operations)
    assert ("not answered", {}) == (said("SOP class extended negotiation"), node.sop_class_extended)
    assert ("not answered", None) == (said("user identity negotiation"), node.user_identity)
    assert said("application context") == node.primitive.application_context_name
    assert [node.implementation_class_uid, node.implementation_version_name] == [
        table("7-1")[0]["Implementation Class UID"],
        table("7-1")[0]["Implementation Version Name"],
    ]


def test_files_name_their_maker():
    (image,) = a_series(slices=1)
    meta = write_meta(incoming(image).announced)
    received, made = table("7-1")

    assert received["Implementation Class UID"].encode() in meta
    assert received["Implementation Version Name"].encode() in meta
    assert made["Implementation Class UID"] == files.IMPLEMENTATION_CLASS_UID
    assert made["Implementation Version Name"] == files.IMPLEMENTATION_VERSION_NAME


def test_rejections_are_those_that_are_said(tmp_path):
    peers = {
        "ct": {"ae_title": "CT"},
        "elsewhere": {"ae_title": "MR", "networks": ["192.0.2.0/24"]},
        "bound": {"ae_title": "US", "called_ae_titles": ["NODE_US"]},
    }
    base = settings_for(tmp_path / "data", max_associations=1).model_dump()
    settings = Settings.model_validate(
        base | {"peers": peers, "titles": {"us": {"ae_title": "NODE_US"}}}
    )
    scp = StorageScp(settings, HeardIntake(lambda _request: Status.SUCCESS))
    _, port = scp.start()
    asked = {
        "wrong application": ask("CT").replace(APPLICATION.encode(), b"1.2.840.10008.3.1.1.9"),
        "unknown": ask("NOBODY"),
        "from elsewhere": ask("MR"),
        "wrong called": ask("CT", called="OTHER"),
        "not its own": ask("US"),
    }
    try:
        answers = {name: answer(port, request) for name, request in asked.items()}
        with Wire(port) as wire:
            wire.send(associate_rq([(2, VERIFICATION, [EXPLICIT])], calling="CT"))
            assert ABORT == wire.read().kind
        with Wire(port) as first:
            first.send(ask("CT"))
            first.read()
            answers["full"] = answer(port, ask("CT"))
    finally:
        scp.stop(1)
    said = [(row["Result"], row["Source"], row["Reason"]) for row in table("7-3")]

    assert said == list(dict.fromkeys(answers.values()))
    assert answers["unknown"] == answers["from elsewhere"]
    assert answers["wrong called"] == answers["not its own"]


def ask(calling: str, called: str = "DICOM_NODE") -> bytes:
    return associate_rq([(1, VERIFICATION, [EXPLICIT])], calling=calling, called=called)


def answer(port: int, request: bytes) -> tuple[str, ...]:
    """Result, source and reason of the A-ASSOCIATE-RJ (PS3.8 9.3.4)."""
    with Wire(port) as wire:
        wire.send(request)
        pdu = wire.read()
    assert ASSOCIATE_RJ == pdu.kind
    return tuple(str(byte) for byte in pdu.body[1:4])


# What is proposed


@pytest.mark.dcmtk
def test_results_are_proposed_as_said(tmp_path):
    ct, seg = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.66.4"
    assert {ct, seg} <= set(column("A-2", "UID"))
    images = a_series(slices=2)
    images[1].SOPClassUID = images[1].file_meta.MediaStorageSOPClassUID = seg
    outgoing = [
        OutgoingFile(path, str(image.SOPClassUID), str(image.SOPInstanceUID), EXPLICIT)
        for path, image in zip(write_series(tmp_path / "out", images), images, strict=True)
    ]
    with overhearing(tmp_path / "scp") as (peer, heard):
        assert [0, 0] == send(peer, "DICOM_NODE", outgoing, 10)
    (request,) = heard
    (said,) = table("7-4")
    syntaxes = said["Transfer syntaxes, one context each"].split("; ")

    assert {Proposed(one, (syntax,), "Default") for one in (ct, seg) for syntax in syntaxes} == set(
        request.contexts
    )
    assert "SCU" == said["Role"]
    assert_policies_of_the_requestor(request.said)
    with overhearing(tmp_path / "asked") as (peer, heard):
        assert {ct, seg} == taken_classes(peer, "DICOM_NODE", outgoing, 10)
    assert request.contexts == heard[0].contexts


@pytest.mark.dcmtk
def test_what_a_profile_may_add_is_proposed_as_said(tmp_path):
    files_out = write_series(tmp_path / "out", a_series(slices=1))
    (image,) = a_series(slices=1)
    ct, uid = str(image.SOPClassUID), str(image.SOPInstanceUID)
    rows = {row["`transfer_syntaxes`"].strip("`"): row for row in table("7-10")}
    assert {word: row["UID"] for word, row in rows.items()} == {
        word: syntax for word, syntax in SYNTAXES.items() if syntax not in FALLBACKS
    }
    assert all(UID(row["UID"]).name == row["Transfer syntax"] for row in rows.values())

    with overhearing(tmp_path / "scp") as (peer, heard):
        outgoing = [OutgoingFile(files_out[0], ct, uid, EXPLICIT)]
        added = [row["UID"] for row in rows.values()]
        assert [0] == send(peer, "DICOM_NODE", outgoing, 10, preferred=added)
    usual = table("7-4")[0]["Transfer syntaxes, one context each"].split("; ")
    assert {Proposed(ct, (one,), "Default") for one in (*usual, *added)} == set(heard[0].contexts)


@pytest.mark.dcmtk
def test_verification_and_reports_are_proposed_as_said(tmp_path):
    with overhearing(tmp_path / "scp") as (peer, heard):
        echo(peer, "DICOM_NODE", 10)
        report = Report("1.2.3", (), ())
        with pytest.raises(PeerError):  # storescp takes no reports
            call_back(peer, "DICOM_NODE", report, 10)
    roles = {"SCU": "Default", "SCP": "SCP"}
    said = [
        Proposed(row["Abstract syntax"], tuple(row["Transfer syntaxes"].split("; ")),
                 roles[row["Role"]])
        for row in table("7-5")
    ]  # fmt: skip

    assert said == [context for request in heard for context in request.contexts]
    for request in heard:
        assert_policies_of_the_requestor(request.said)


def assert_policies_of_the_requestor(heard: dict[str, str]) -> None:
    def said(name: str) -> str:
        return policy(name, "As requestor")

    assert said("application context") == heard["Application Context Name"]
    assert said("maximum length of received PDUs") == heard["Their Max PDU Receive Size"]
    assert "not proposed" == said("SOP class extended negotiation")
    assert "none" == heard["Requested Extended Negotiation"]
    assert "not proposed" == said("user identity negotiation")
    assert "none" == heard["Requested User Identity Negotiation"]
    assert heard["Their Implementation Class UID"] == column("7-1", "Implementation Class UID")[0]
    assert (
        heard["Their Implementation Version Name"]
        == column("7-1", "Implementation Version Name")[0]
    )


# TLS


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("papers") / "ca")


def tls_settings(authority: Authority, folder: Path, profile: str) -> Settings:
    node = authority.issue("node")
    base = settings_for(folder / "data").model_dump()
    tls = {"port": 0, "certificate": node.certificate, "key": node.key, "profile": profile,
           "client_certificate": "none", "handshake_timeout_s": 10}  # fmt: skip
    return Settings.model_validate(base | {"tls": tls})


@pytest.mark.parametrize("profile", ["non-downgrading", "extended"])
def test_the_cipher_suites_are_those_of_the_profile(authority, tmp_path, profile):
    offered = make_context(tls_settings(authority, tmp_path, profile).tls).get_ciphers()
    rows = [row for row in table("C-2") if row["`[tls] profile`"] == profile]

    assert [(one["protocol"].replace("v", " "), one["name"]) for one in offered] == [
        (row["Version"], row["Name in OpenSSL"]) for row in rows
    ]


def test_the_suites_have_the_names_of_the_registry():
    named = dict(line.split()[0:3:2] for line in openssl("ciphers", "-stdname", "ALL").splitlines())

    assert [] == [row for row in table("C-2") if named[row["Suite"]] != row["Name in OpenSSL"]]


def test_the_versions_of_tls_are_those_that_are_said(authority, tmp_path):
    settings = tls_settings(authority, tmp_path, "non-downgrading")
    scp = StorageScp(settings, HeardIntake(lambda _request: Status.SUCCESS))
    scp.start()
    port = next(at.port for at in scp.listening if at.is_tls)
    said = {row["Version"]: row["Receiving"] for row in table("C-1")}
    versions = {
        "TLS 1.3": ssl.TLSVersion.TLSv1_3, "TLS 1.2": ssl.TLSVersion.TLSv1_2,
        "TLS 1.1": ssl.TLSVersion.TLSv1_1, "TLS 1.0": ssl.TLSVersion.TLSv1,
    }  # fmt: skip
    try:
        assert said == {name: YES[is_spoken(port, one)] for name, one in versions.items()}
    finally:
        scp.stop(1)


def is_spoken(port: int, version: ssl.TLSVersion) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with warnings.catch_warnings():  # Python warns of versions that nobody should speak
        warnings.simplefilter("ignore")
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
    try:
        with (
            socket.create_connection(("127.0.0.1", port), 10) as plain,
            context.wrap_socket(plain) as secured,
        ):
            return secured.version() is not None
    except OSError:
        return False


# The rest


def test_the_defaults_are_those_of_the_settings():
    settings = Settings.model_validate({"peers": {"NAME": {"ae_title": "A"}}})
    for row in table("6-1"):
        section, _, name = row["Setting"].strip("`").partition("] ")
        default = row["Default"].strip("`")
        values: Any = settings.model_dump(mode="json")
        for part in section[1:].split("."):
            values = values[part]

        assert str(values[name]) in (default.strip('"'), default.capitalize()), row


def test_waits_and_numbers_are_those_of_the_settings():
    settings = Settings()
    idle_s, patience_s = settings.receive.idle_timeout_s, settings.deliver.timeout_s
    most = settings.receive.max_associations

    assert (f"{NEGOTIATION_S:g} s", f"{patience_s:g} s") == both("wait for A-ASSOCIATE-RQ or -AC")
    assert (f"{idle_s:g} s", f"{patience_s:g} s") == both("wait within and between messages")
    assert str(MOST_CONTEXTS) == both("presentation contexts of one association")[1]
    assert both("simultaneous associations")[0].startswith(f"{most} ")


def both(name: str) -> tuple[str, str]:
    return policy(name, "As acceptor"), policy(name, "As requestor")


def test_the_character_sets_are_those_that_are_read():
    (said,) = column("5-9", "Defined terms")
    aliases = {"", "ISO 2022 58", "GBK"}  # wrong spellings that pydicom forgives

    assert set(python_encoding) - aliases == set(said.replace("`", "").split(", "))


def test_roles_are_the_same_everywhere():
    by_uid = {row["UID"]: (row["SCU"], row["SCP"]) for row in table("1-1") if row["UID"]}
    services = {row["Service"]: (row["AE as SCU"], row["AE as SCP"]) for row in table("5-1")}

    assert by_uid.pop(VERIFICATION) == services["Verification"]
    assert by_uid.pop(PUSH_MODEL) == services["Storage Commitment Push Model"]
    assert {services["Storage"]} == set(by_uid.values())
    assert set(by_uid) == set(column("A-2", "UID"))
