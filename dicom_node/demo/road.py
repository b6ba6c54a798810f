"""The whole road once, for a person to see: images in, results back in a PACS, judged and shown."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pydicom import dcmread

from dicom_node.demo import images, outcome
from dicom_node.demo.node import DemoNode, start_node
from dicom_node.demo.pacs import DemoPacs, start_pacs
from dicom_node.demo.report import write_report
from dicom_node.errors import NodeError
from dicom_node.net.query import find_instances
from dicom_node.net.scu import OutgoingFile, send
from storage.db.engine import Database
from storage.db.queries.progress import SeriesResult, series_results, underway
from storage.files.local import LocalStore

if TYPE_CHECKING:
    from dicom_node.demo.images import DemoStudy

FOLDER = Path("demo")
CACHE = Path(".cache") / "demo"
SAMPLES = "DICOM_NODE_SAMPLES"
LONGEST_WAIT_S = 1800
QUIET_FOR_S = 3


class DemoStuck(NodeError):
    """The node did not finish what the demo sent."""


def run_demo(*, once: bool, study: Path | None) -> int:
    """Run the demo and give its exit code: 0 when every result is real and in the PACS."""
    begun = time.monotonic()
    studies = _choose_images(study)
    fetched = time.monotonic()
    pacs = start_pacs(FOLDER / "pacs")
    try:
        _say(f"PACS: {pacs.name}, {pacs.peer.ae_title} on 127.0.0.1:{pacs.port}")
        node = start_node(FOLDER / "node", pacs)
        try:
            return _show(studies, node, pacs, once=once, fetching_s=fetched - begun)
        finally:
            node.close()
    finally:
        pacs.close()


def _show(
    studies: list[DemoStudy], node: DemoNode, pacs: DemoPacs, *, once: bool, fetching_s: float
) -> int:
    begun = time.monotonic()
    for line in node.greeting:
        _say(line)
    titles = _send(studies, node)
    database = Database(node.settings.database_url)
    try:
        results = _wait(database, node, expected=images.count_files(studies))
    finally:
        database.close()
    rows = outcome.judge(results, titles, lambda series: _held(pacs, node, series))
    print(outcome.table(rows))
    report = write_report(
        FOLDER / "report.html", rows, results, LocalStore(node.settings.store_folder)
    )
    took = time.monotonic() - begun
    _say(f"{took:.0f} s on this machine (after {fetching_s:.0f} s of getting the images)")
    _say(f"pictures: {report}")
    problems = outcome.problems(rows, own_images=all(s.source != "your folder" for s in studies))
    for problem in problems:
        print(f"PROBLEM  {problem}")
    if not once:
        _stay_open(node, pacs)
    return 1 if problems else 0


def _choose_images(study: Path | None) -> list[DemoStudy]:
    if study is not None:
        return images.from_folder(study)
    studies = images.from_packages(CACHE, _say)
    samples = os.environ.get(SAMPLES)
    return studies + (images.from_samples(Path(samples)) if samples else [])


def _send(studies: list[DemoStudy], node: DemoNode) -> dict[str, DemoStudy]:
    """Send every file; which series UID belongs to which of the demo's studies."""
    titles: dict[str, DemoStudy] = {}
    for study in studies:
        files = []
        for path in study.files:
            header = dcmread(path, stop_before_pixels=True, force=True)
            titles[str(header.get("SeriesInstanceUID", ""))] = study
            files.append(
                OutgoingFile(
                    path,
                    str(header.SOPClassUID),
                    str(header.SOPInstanceUID),
                    str(header.file_meta.TransferSyntaxUID),
                )
            )
        begun = time.monotonic()
        statuses = send(node.peer, "DEMO", files, timeout_s=60)
        accepted = sum(status == 0 for status in statuses)
        took = time.monotonic() - begun
        _say(f"sent {study.title}: {accepted} of {len(files)} accepted in {took:.1f} s")
    return titles


def _wait(database: Database, node: DemoNode, *, expected: int) -> list[SeriesResult]:
    """The results once everything that was sent has ended, with progress shown meanwhile."""
    deadline = time.monotonic() + LONGEST_WAIT_S
    quiet_since: float | None = None
    shown = ""
    while time.monotonic() < deadline:
        if node.program.poll() is not None:
            raise DemoStuck(f"the node ended; see {node.log_path}")
        with database.read() as session:
            now = underway(session)
        line = (
            f"{now.instances} of {expected} received, {now.jobs_ended} of "
            f"{now.jobs_ended + now.jobs} jobs done, {now.deliveries} deliveries underway"
        )
        if line != shown:
            _progress(line)
            shown = line
        arrived = now.instances >= expected
        quiet_since = (quiet_since or time.monotonic()) if now.is_quiet and arrived else None
        if quiet_since and time.monotonic() - quiet_since > QUIET_FOR_S:
            _progress("", end=True)
            with database.read() as session:
                return series_results(session)
        time.sleep(0.3)
    raise DemoStuck(f"not finished after {LONGEST_WAIT_S} s ({shown}); see {node.log_path}")


def _held(pacs: DemoPacs, node: DemoNode, series: tuple[str, str]) -> set[str]:
    return find_instances(pacs.peer, node.settings.node.ae_title, *series, timeout_s=30)


def _stay_open(node: DemoNode, pacs: DemoPacs) -> None:
    for line in node.greeting:
        _say(line)
    if pacs.page:
        _say(f"the PACS has a page too: {pacs.page}")
    _say("Ctrl-C ends the demo")
    try:
        node.program.wait()
    except KeyboardInterrupt:
        print()


def _say(line: str) -> None:
    print(f"demo     {line}", flush=True)


def _progress(line: str, *, end: bool = False) -> None:
    """One line that is written over on a terminal, and written anew elsewhere."""
    if sys.stdout.isatty():
        print(f"\r\033[Kdemo     {line}", end="\n" if end else "", flush=True)
    elif line:
        _say(line)
