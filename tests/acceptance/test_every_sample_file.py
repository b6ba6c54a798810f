"""Every DICOM file of the sample sets, stored as dcmtk's bit-preserving storescp stores it.

Each file travels twice from the same sender with the same options: to ``storescp +B`` and to the
node. Where the first kept it, the node must have kept the same bytes, or must have refused it with
a status and a reason, which are printed. What no sender can send is printed with its message.
"""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pydicom
import pytest
from pydicom import Dataset, dcmread
from pydicom.encaps import generate_frames

from dicom_node.demo.pacs import free_port
from tests.senders import Told, a_storescp, an_orthanc, storescu
from tests.serving import ServedNode, node_toml, serving
from tests.tools import samples

pytestmark = [
    pytest.mark.samples,
    pytest.mark.dcmtk,
    pytest.mark.orthanc,
    pytest.mark.timeout(3600),
    # Real files are full of what pydicom warns about.
    pytest.mark.filterwarnings("ignore"),
]
PIXEL_DATA, TRAILING_PADDING = 0x7FE00010, 0xFFFCFFFC
SAME = "stored as storescp +B stores it"
OTHER = "stored with other bytes than storescp's"
REFUSED = "refused by the node, stored by storescp"
REFUSED_BY_BOTH = "refused by both"
ONLY_NODE = "stored by the node, refused by storescp"
NOT_SENT = "no sender can send it"
# What the node refuses on purpose: data sets that cannot be understood or lack an identity.
STATUSES = ("0xA900", "0xC000", "0xC001", "0x0117", "0x0118")


@dataclass(frozen=True, slots=True)
class File:
    """A sample file, and what it says of itself."""

    path: Path
    name: str
    sop_class: str
    sop_uid: str
    transfer_syntax: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file: who sent it, what both receivers did, what is wrong."""

    file: File
    sender: str
    verdict: str
    words: str = ""
    decoded: str = ""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory) -> list[Outcome]:
    """Every file's outcome; the table is printed."""
    found: list[Outcome] = []
    for number, wave in enumerate(waves(list(sample_files()))):
        folder = tmp_path_factory.mktemp(f"wave{number}")
        found += outcomes_of(wave, folder)
    print("\n" + table(found), flush=True)
    return found


def test_what_storescp_stores_the_node_stores_byte_for_byte_or_refuses_with_a_reason(outcomes):
    assert [] == [(one.file.name, one.words) for one in outcomes if one.verdict == OTHER]
    for one in outcomes:
        if one.verdict == REFUSED:
            assert any(status in one.words for status in STATUSES), one


def test_what_is_stored_decodes_to_what_the_file_holds(outcomes):
    assert [] == [(one.file.name, one.decoded) for one in outcomes if one.decoded.startswith("not")]


def test_most_files_can_be_sent(outcomes):
    sent = [one for one in outcomes if one.verdict == SAME]

    assert len(sent) > 0.9 * len(outcomes)


def sample_files() -> Iterator[File]:
    """Every file with the DICOM prefix, and those that lack it and are named ``.dcm``."""
    root = samples()
    for folder, _, names in sorted(os.walk(root, followlinks=True)):
        for name in sorted(names):
            path = Path(folder, name)
            with path.open("rb") as file:
                has_prefix = file.read(132)[128:] == b"DICM"
            if has_prefix or path.suffix.lower() == ".dcm":
                yield described(path, root)


def described(path: Path, root: Path) -> File:
    """The file with what can be read of its UIDs."""
    head, syntax = Dataset(), ""
    try:
        head = dcmread(path, force=True, stop_before_pixels=True)
        syntax = str(head.file_meta.get("TransferSyntaxUID") or "")
    except Exception as error:  # noqa: BLE001 - what pydicom cannot read may still be sent
        print(f"{path.name}: pydicom: {type(error).__name__}")
    syntax = syntax or str(pydicom.uid.ExplicitVRLittleEndian)
    sop_class = str(head.get("SOPClassUID") or pydicom.uid.CTImageStorage)
    sop_uid = str(head.get("SOPInstanceUID") or path)
    return File(path, str(path.relative_to(root)), sop_class, sop_uid, syntax)


def waves(files: list[File]) -> Iterator[list[File]]:
    """The files so that no two of a wave share a UID: the node keeps equal content once."""
    while files:
        seen: set[str] = set()
        wave, later = [], []
        for file in files:
            (later if file.sop_uid in seen else wave).append(file)
            seen.add(file.sop_uid)
        yield wave
        files = later


def outcomes_of(files: list[File], folder: Path) -> list[Outcome]:
    """Send each by storescu, and by Orthanc what storescu cannot send."""
    with ExitStack() as running:
        classes = {file.sop_class for file in files}
        syntaxes = {file.transfer_syntax for file in files}
        scp = running.enter_context(a_storescp(folder / "storescp", classes, syntaxes))
        # Nothing settles: only reception is looked at.
        toml = node_toml(folder, port=free_port()).replace(
            "settle_after_s = 1", "settle_after_s = 3600"
        )
        node = running.enter_context(serving(folder, toml))
        ports = {"storescp": scp, "node": node.settings.receive.port}

        def by_storescu(file: File, receiver: str) -> Told:
            return storescu(
                file.path, file.sop_class, file.transfer_syntax, ports[receiver], folder
            )

        found = [outcome_of(file, "storescu", by_storescu, node, folder) for file in files]
        left = [one for one in found if one.verdict == NOT_SENT]
        if not left:
            return found
        orthanc = running.enter_context(an_orthanc(folder / "orthanc", ports))

        def by_orthanc(file: File, receiver: str) -> Told:
            return orthanc.send(file.path, receiver)

        again = [outcome_of(one.file, "Orthanc", by_orthanc, node, folder) for one in left]
    both = [
        Outcome(two.file, "", NOT_SENT, f"storescu: {one.words}; Orthanc: {two.words}")
        if two.verdict == NOT_SENT
        else two
        for one, two in zip(left, again, strict=True)
    ]
    return [one for one in found if one.verdict != NOT_SENT] + both


def outcome_of(
    file: File, sender: str, send: Callable[[File, str], Told], node: ServedNode, folder: Path
) -> Outcome:
    """Send to both receivers and compare what they have."""
    told = send(file, "storescp")
    kept = list((folder / "storescp").iterdir())
    expected = kept[0].read_bytes() if kept else b""
    for path in kept:
        path.unlink()
    before = len(refusals(node))
    answer = send(file, "node")
    new = refusals(node)[before:]
    if answer.is_stored and told.is_stored:
        return compared(file, sender, expected, node)
    if new or told.is_stored:
        verdict = REFUSED if told.is_stored else REFUSED_BY_BOTH
        words = f"{answer.words}; {' '.join(new)}"
        if expected:
            words += f"; storescp kept it as {uid_in(expected)}"
        return Outcome(file, sender, verdict, words)
    if answer.is_stored:
        return Outcome(file, sender, ONLY_NODE, told.words)
    return Outcome(file, sender, NOT_SENT, answer.words)


def refusals(node: ServedNode) -> list[str]:
    """Status and reason of each refused instance, as the node's log tells them."""
    return [
        line.partition("status=")[2]
        for line in node.said.splitlines()
        if "instance refused" in line
    ]


def compared(file: File, sender: str, expected: bytes, node: ServedNode) -> Outcome:
    """Whether the store holds what storescp has, and whether it decodes to the file's data set."""
    encoded = data_set_of(expected)
    received = node.settings.store_folder / "received"
    versions = received.rglob(f"{uid_in(expected)}*.dcm")
    same = [path for path in versions if data_set_of(path.read_bytes()) == encoded]
    if not same:
        return Outcome(file, sender, OTHER, "no file of the store has these bytes")
    return Outcome(file, sender, SAME, decoded=decoded(file.path, same[0]))


def uid_in(part10: bytes) -> str:
    head = dcmread(io.BytesIO(part10), specific_tags=[])
    return str(head.file_meta.MediaStorageSOPInstanceUID)


def data_set_of(part10: bytes) -> bytes:
    """What follows the file meta (PS3.10 7.1)."""
    return part10[144 + int.from_bytes(part10[140:144], "little") :]


def decoded(original: Path, stored: Path) -> str:
    """How the stored data set compares with the file's; begins with "not" where it differs."""
    try:
        wanted = plain(dcmread(original, force=True))
    except Exception as error:  # noqa: BLE001 - then there is nothing to compare with
        return f"cannot be judged: pydicom does not decode the file: {type(error).__name__}"
    found = plain(dcmread(stored))
    tags = {tag for tag in wanted.keys() | found.keys() if wanted.get(tag) != found.get(tag)}
    if tags == {PIXEL_DATA}:
        return same_pixels(dcmread(original, force=True), dcmread(stored))
    return f"not equal: {', '.join(map(str, sorted(tags)))}" if tags else "equal"


def same_pixels(wanted: Dataset, found: Dataset) -> str:
    """The verdict where only Pixel Data differs: fragments may be padded or cut another way."""
    try:
        pixels = wanted.pixel_array
    except Exception as error:  # noqa: BLE001 - then the fragments alone can be compared
        reason = type(error).__name__
        frames = [list(generate_frames(one.PixelData)) for one in (wanted, found)]
        stripped = [[frame.rstrip(b"\0") for frame in one] for one in frames]
        same = stripped[0] == stripped[1]
        return f"equal frames, not decoded by pydicom: {reason}" if same else "not equal: frames"
    same = (pixels == found.pixel_array).all()
    return "equal pixels, padded fragments" if same else "not equal: pixels"


def plain(dataset: Dataset) -> Dataset:
    """The data set without group lengths and trailing padding, which senders leave out."""
    for element in list(dataset):
        if element.tag.element == 0 or element.tag == TRAILING_PADDING:
            del dataset[element.tag]
        elif element.VR == "SQ":
            for nested in element.value:
                plain(nested)
    return dataset


def table(outcomes: list[Outcome]) -> str:
    """Counts by verdict and sender, then every file that was not stored as expected."""
    counts = Counter((one.verdict, one.sender) for one in outcomes)
    lines = [f"{len(outcomes)} files"]
    lines += [f"  {number:5}  {verdict}  {sender}" for (verdict, sender), number in counts.items()]
    syntaxes = Counter(
        pydicom.uid.UID(one.file.transfer_syntax).name for one in outcomes if one.verdict == SAME
    )
    lines += ["transfer syntaxes of what was stored:"]
    lines += [f"  {number:5}  {name}" for name, number in syntaxes.most_common()]
    judged = Counter(one.decoded.partition(":")[0] for one in outcomes if one.verdict == SAME)
    lines += ["decoded and compared with the file:"]
    lines += [f"  {number:5}  {words}" for words, number in judged.most_common()]
    lines += ["not simply stored, or not simply equal:"]
    lines += [
        f"  {one.file.name} [{one.sender}] {one.verdict}: {one.words} {one.decoded}"
        for one in outcomes
        if one.verdict != SAME or one.decoded != "equal"
    ]
    return "\n".join(lines)
