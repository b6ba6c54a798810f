"""What was sent and acknowledged, held against what the store and the index have."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from storage.db.tables import Instance
from tests.receiving import wait_until
from tests.serving import ServedNode, opened
from tests.soak.images import Sent, digest_of
from tests.soak.report import Report

INDEXED_WITHIN_S = 120.0


@dataclass
class Ledger:
    """Every image that was acknowledged, and every one that is in the store."""

    store: Path
    report: Report
    acknowledged: list[Sent] = field(default_factory=list)
    present: dict[str, Sent] = field(default_factory=dict)

    @property
    def parts(self) -> list[Path]:
        return list((self.store / ".parts").iterdir())

    def take_in(self, images: Iterable[Sent], acknowledged: list[Sent]) -> None:
        """Check the files of one sender as they lie; what is there must be whole."""
        told = {image.sop_uid for image in acknowledged}
        for image in images:
            path = self.store / image.key
            if path.exists():
                assert digest_of(path.read_bytes()) == image.digest, f"torn: {image.key}"
                self.present[image.key] = image
                self.report.kept_unacknowledged += image.sop_uid not in told
            else:
                assert image.sop_uid not in told, f"acknowledged, and lost: {image.key}"
                self.report.lost_unacknowledged += 1
            image.path.unlink()
        self.acknowledged += acknowledged
        self.report.acknowledged += len(acknowledged)

    def check_all(self) -> None:
        """The store has every file that it ever had, as it was sent, and no other."""
        found = {
            str(path.relative_to(self.store)) for path in self.store.rglob("*") if path.is_file()
        }
        assert found == self.present.keys(), "more, or less, than what was sent"
        for image in self.present.values():
            assert digest_of((self.store / image.key).read_bytes()) == image.digest


def wait_until_indexed(node: ServedNode, images: list[Sent]) -> None:
    """Return when each image has a current row that names its file."""
    due = {image.key for image in images}
    with opened(node.settings) as db:

        def is_indexed() -> bool:
            with db.read() as session:
                rows = select(Instance.file_key).where(Instance.is_current)
                return due <= set(session.scalars(rows))

        wait_until(is_indexed, INDEXED_WITHIN_S)
