"""What programs that de-identify make of a CT with a canary in every attribute of PS3.15 E.1-1.

Each in its default, on the same file; the judge is `tests.judges.confidentiality`. The Python
packages live in an environment of their own, which is made by hand::

    python -m venv .cache/deidentify
    .cache/deidentify/bin/pip install dicom-anonymizer==2.1.0 deid==0.4.13 dicognito==0.19.0
    python -m benchmarks.deidentify
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydicom import dcmread

from benchmarks.errors import BenchmarkFailed
from benchmarks.programs import free_port, program
from dicom_node.config.research import ResearchSection
from dicom_node.research.deidentify import Deidentifier
from dicom_node.research.stand_ins import StandIns
from tests.builders import a_series
from tests.judges import confidentiality

VENV = Path(".cache/deidentify")
DEID = """
import sys
from deid.config import DeidRecipe
from deid.dicom import replace_identifiers
replace_identifiers([sys.argv[1]], deid=DeidRecipe(), save=True, overwrite=True,
                    output_folder=sys.argv[2], force=True)
"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is left of the patient in a file, and what the file says of it."""

    outside: int
    inside: int
    canaries: int
    private: int
    removed: str
    method: str


def judge(before: Path, after: Path) -> Verdict:
    """Compare a file with what a program made of it."""
    dataset = dcmread(after, force=True)
    left = confidentiality.left_as_they_were(dcmread(before), dataset)
    content = after.read_bytes()
    codes = dataset.get("DeidentificationMethodCodeSequence")
    text = "text" if dataset.get("DeidentificationMethod") else "no"
    return Verdict(
        sum(row.startswith("outside") for row in left),
        sum(row.startswith("inside") for row in left),
        sum(content.count(mark) for mark in confidentiality.MARKS),
        sum(element.tag.is_private for element in dataset.iterall()),
        str(dataset.get("PatientIdentityRemoved", "no")),
        "codes" if codes else text,
    )


def node(source: Path, folder: Path) -> Path:
    """What is measured, by the Basic Profile alone."""
    made = folder / "made.dcm"
    maker = Deidentifier(ResearchSection(), StandIns("bench", b"a key of benchmarks, of 32 bytes"))
    made.write_bytes(maker.file(source).content)
    return made


def dicom_anonymizer(source: Path, folder: Path) -> Path:
    """Its console script."""
    made = folder / "made.dcm"
    _run(VENV / "bin" / "dicom-anonymizer", source, made)
    return made


def deid(source: Path, folder: Path) -> Path:
    """Its default recipe."""
    _run(VENV / "bin" / "python", "-c", DEID, source, folder)
    return _only(folder)


def dicognito(source: Path, folder: Path) -> Path:
    """Its module; the console script of 0.19.0 does not start."""
    _run(VENV / "bin" / "python", "-m", "dicognito", "-o", folder, source)
    return _only(folder)


def orthanc(source: Path, folder: Path) -> Path:
    """POST /instances/.../anonymize."""
    port = free_port()
    settings = {
        "StorageDirectory": str(folder / "store"), "IndexDirectory": str(folder / "store"),
        "HttpPort": port, "DicomPort": free_port(), "RemoteAccessAllowed": False, "Plugins": [],
        "AuthenticationEnabled": False,
    }  # fmt: skip
    (folder / "orthanc.json").write_text(json.dumps(settings), encoding="utf-8")
    running = subprocess.Popen(
        [program("Orthanc"), folder / "orthanc.json"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        url = f"http://127.0.0.1:{port}/instances"
        told = json.loads(_post(url, source.read_bytes()))
        made = folder / "made.dcm"
        made.write_bytes(_post(f"{url}/{told['ID']}/anonymize", b"{}"))
        return made
    finally:
        running.terminate()
        running.wait(30)


PROGRAMS: dict[str, Callable[[Path, Path], Path]] = {
    "dicom-node": node,
    "dicom-anonymizer 2.1.0": dicom_anonymizer,
    "Orthanc": orthanc,
    "deid 0.4.13": deid,
    "dicognito 0.19.0": dicognito,
}


def _run(*command: object) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, check=False)
    if done.returncode:
        raise BenchmarkFailed(done.stderr.decode(errors="replace").strip().splitlines()[-1][:200])


def _only(folder: Path) -> Path:
    found = [path for path in folder.rglob("*") if path.is_file()]
    if len(found) != 1:
        raise BenchmarkFailed(f"it left {len(found)} files")
    return found[0]


def _post(url: str, body: bytes, within_s: float = 30.0) -> bytes:
    until = time.monotonic() + within_s
    while True:
        try:
            with urllib.request.urlopen(url, body, timeout=10) as answer:  # noqa: S310 - loopback
                content: bytes = answer.read()
                return content
        except urllib.error.HTTPError as error:
            raise BenchmarkFailed(f"it answers {error.code}") from None
        except OSError:
            if time.monotonic() > until:
                raise BenchmarkFailed("it does not answer") from None
            time.sleep(0.2)


def write_source(path: Path) -> int:
    """How many rows of the table have a canary in the file, outside sequences."""
    (image,) = a_series(slices=1)
    confidentiality.fill(image)
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    image.save_as(path, enforce_file_format=True)
    return sum(confidentiality.tag_of(row) in image for row in confidentiality.ROWS)


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.parse_args()
    head = (
        f"| {'program':22} | left outside | left inside | canaries | private | removed | method |"
    )
    with tempfile.TemporaryDirectory() as name:
        source = Path(name) / "source.dcm"
        rows = write_source(source)
        print(f"{rows} of {len(confidentiality.ROWS)} rows, outside and inside sequences\n")
        print(head)
        print("|---|---|---|---|---|---|---|")
        print(_line("(the file itself)", judge(source, source)))
        for title, make in PROGRAMS.items():
            folder = Path(name) / title.replace(" ", "-")
            folder.mkdir()
            try:
                print(_line(title, judge(source, make(source, folder))))
            except (BenchmarkFailed, OSError) as error:
                print(f"| {title:22} | not run: {error} |")


def _line(title: str, verdict: Verdict) -> str:
    return (
        f"| {title:22} | {verdict.outside:12} | {verdict.inside:11} | {verdict.canaries:8} "
        f"| {verdict.private:7} | {verdict.removed:7} | {verdict.method:6} |"
    )


if __name__ == "__main__":
    main()
