"""Kills the whole node at a named point of the road, starts it again, and compares what came out.

The points lie in ``tests/inject/sitecustomize.py``; the product has no hook for it.
"""

from __future__ import annotations

import hashlib
import io
import subprocess
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.uid import Comprehensive3DSRStorage

from dicom_node.demo.pacs import free_port
from dicom_node.net.errors import PeerError
from dicom_node.net.scu import send
from storage.db.queries.progress import Underway
from tests.acceptance.road import Pacs, a_pacs
from tests.builders import a_series, write_series
from tests.serving import ServedNode, node_toml, outgoing, serving, start

POINTS = ("receiving", "settling", "in the pipeline", "publishing", "sending")
SLICES = 6
Held = dict[
    str, tuple[str, str]
]  # SOP Instance UID -> (Series Instance UID, digest of its content)


@dataclass
class Round:
    """One study, the point at which the node dies on it, and at which call."""

    number: int
    point: str
    call: int
    acknowledged: set[str] = field(default_factory=set)

    @property
    def key(self) -> str:
        return f"k{self.number}"

    def images(self) -> list[Dataset]:
        noise = np.random.default_rng(sum(self.key.encode()))
        pixels = noise.normal(1000, 20, (SLICES, 64, 64))
        pixels[:, 16:48, 16:48] += 60
        return a_series(key=self.key, pixels=pixels.astype(np.int16))

    @property
    def study_uid(self) -> str:
        return str(self.images()[0].StudyInstanceUID)


@dataclass
class Victim:
    """A node that is killed again and again, on one data folder."""

    folder: Path
    toml: str
    environment: dict[str, str]

    def start(self) -> ServedNode:
        environment = {**self.environment, "KILL_FILE": str(self.kill_file)}
        return start(self.folder, self.toml, environment=environment)

    def instances(self, one: Round) -> int:
        """How many instances the node has when all studies up to this one have come."""
        return SLICES * (one.number + 1)

    @property
    def kill_file(self) -> Path:
        return self.folder / "kill"

    def die(self, node: ServedNode, one: Round) -> str:
        """Send the study to the node, which will die of it; the state that it was found in."""
        self.kill_file.write_text(f"{one.point} {one.call}")
        one.acknowledged = send_as_far_as_it_goes(node, self.folder / one.key, one.images())
        with suppress(subprocess.TimeoutExpired):
            node.process.wait(120)
        assert not self.kill_file.exists(), f"not dead, or of something else:\n{node.said[-5000:]}"
        return told(one, node.underway(), node)

    def recover(self, one: Round) -> ServedNode:
        """The node started again, once all is done; its sender repeats what was not acknowledged.

        Nothing that was acknowledged may have been lost.
        """
        node = self.start()
        paths = sorted((self.folder / one.key).glob("*.dcm"))
        rest = [path for path in paths if path.stem not in one.acknowledged]
        kept = (node.settings.store_folder / "received" / one.study_uid).rglob("*.dcm")
        assert one.acknowledged <= {path.stem for path in kept}
        if rest:
            assert {0} == set(node.send(rest))
        node.wait_until_quiet(instances=self.instances(one), within_s=180)
        return node


def send_as_far_as_it_goes(node: ServedNode, folder: Path, images: list[Dataset]) -> set[str]:
    """SOP Instance UIDs that the node acknowledged before it died, if it died."""
    statuses: list[int] = []
    files = outgoing(write_series(folder, images))
    with suppress(PeerError):
        send(node.peer, "TEST", files, 30, statuses.append)
    pairs = zip(files, statuses, strict=False)
    return {file.sop_instance_uid for file, status in pairs if status == 0}


def told(one: Round, state: Underway, node: ServedNode) -> str:
    """The state found at death, for the report."""
    jobs = Counter(
        f"{job.state}/{len(job.files)} outputs/{dict(job.deliveries)}"
        for series in node.results()
        if series.study_uid == one.study_uid
        for job in series.jobs
    )
    store = node.settings.store_folder
    received = len(list((store / "received" / one.study_uid).rglob("*.dcm")))
    made = len(list((store / "results" / one.study_uid).rglob("*.dcm")))
    return (
        f"{one.point:16} call {one.call}: {len(one.acknowledged)} of {SLICES} acknowledged, "
        f"{received} files received, {made} result files; studies underway {state.studies}, "
        f"jobs {dict(jobs)}"
    )


def undisturbed(
    folder: Path, rounds: Sequence[Round], environment: dict[str, str], more: str
) -> dict[str, Held]:
    """What the PACS holds of each round's study when nobody is killed."""
    with a_pacs(folder / "pacs") as pacs:
        toml = node_toml(folder, port=free_port(), pacs=pacs.running.peer, more=more)
        with serving(folder, toml, environment=environment) as node:
            for one in rounds:
                statuses = node.send(write_series(folder / one.key, one.images()))
                assert [0] * SLICES == statuses
            node.wait_until_quiet(instances=SLICES * len(rounds), within_s=60 * len(rounds))
            return {one.key: held_of(pacs, one.study_uid) for one in rounds}


def disturbed(
    folder: Path, rounds: Sequence[Round], environment: dict[str, str], more: str
) -> dict[str, Held]:
    """The same of a node that is killed once in each round; the states at death are printed."""
    with a_pacs(folder / "pacs") as pacs:
        toml = node_toml(folder, port=free_port(), pacs=pacs.running.peer, more=more)
        victim = Victim(folder, toml, environment)
        node = victim.start()
        try:
            for one in rounds:
                print(victim.die(node, one), flush=True)
                node = victim.recover(one)
            print(f"audit verify: {node.verify_trail()} rows")
            return {one.key: held_of(pacs, one.study_uid) for one in rounds}
        finally:
            node.kill()


def held_of(pacs: Pacs, study_uid: str) -> Held:
    """The instances that the PACS holds of a study."""
    found: Held = {}
    for series in pacs.series_of_study(study_uid):
        for instance in series["Instances"]:
            image = dcmread(io.BytesIO(pacs.file(instance)))
            assert image.SOPInstanceUID not in found
            digest = hashlib.sha256(_content_of(image)).hexdigest()
            found[str(image.SOPInstanceUID)] = str(image.SeriesInstanceUID), digest
    return found


def _content_of(instance: Dataset) -> bytes:
    """The pixels; of a report, which has none, what it measured."""
    if instance.SOPClassUID == Comprehensive3DSRStorage:
        numbers = [str(one.value) for one in instance.iterall() if one.keyword == "NumericValue"]
        assert numbers
        return " ".join(numbers).encode()
    return bytes(instance.PixelData)
