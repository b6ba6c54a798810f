"""What goes to a research destination: the same objects, de-identified on their way.

The files are made once for a delivery and kept until the next one, so that another try sends what
the first one did. They lie in the work folder, which the core empties when it starts.
"""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dicom_node.net.scu import OutgoingFile
from dicom_node.research.deidentify import Deidentifier
from dicom_node.research.errors import Refused
from dicom_node.research.key import project_key
from dicom_node.research.stand_ins import StandIns

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dicom_node.config import Settings
    from dicom_node.delivery.selection import Way


@dataclass(frozen=True, slots=True)
class Exported:
    """The ways with the de-identified files, and what is not among them, in words."""

    ways: list[Way]
    refused: int
    reasons: str

    @property
    def is_nothing(self) -> bool:
        """Whether every object was refused."""
        return bool(self.refused) and not any(way.files for way in self.ways)


@dataclass(slots=True)
class _Made:
    delivery_id: int
    files: dict[Path, OutgoingFile | str] = field(default_factory=dict)  # a text: why it is refused


class Exporter:
    """Makes what goes to the destinations of one project."""

    def __init__(self, destination: str, project: str, settings: Settings) -> None:
        self.project = project
        self._options = settings.research[project]
        self._keys = settings.keys_folder
        self._folder = settings.work_folder / f"export-{destination}"
        self._made = _Made(0)

    def export(self, delivery_id: int, ways: Sequence[Way]) -> Exported:
        """The ways of a delivery with de-identified files in place of the patient's.

        Raises
        ------
        KeyUnusable, OSError
            Nothing may be sent: there is no key, or no room for the files.
        """
        key = project_key(self._keys, self.project, self._options.key_file)
        maker = Deidentifier(self._options, StandIns(self.project, key))
        if self._made.delivery_id != delivery_id:
            self.clear()
            self._made = _Made(delivery_id)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        wanted = dict.fromkeys(file.path for way in ways for file in way.files)
        for path in wanted:
            if path not in self._made.files:
                self._made.files[path] = self._make(maker, path)
        return self._exported(ways)

    def clear(self) -> None:
        """Delete the files that were made."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._made = _Made(0)

    def _make(self, maker: Deidentifier, path: Path) -> OutgoingFile | str:
        try:
            made = maker.file(path)
        except Refused as refusal:
            return str(refusal)
        target = self._folder / f"{len(self._made.files)}.dcm"
        target.write_bytes(made.content)
        return OutgoingFile(
            target, made.sop_class_uid, made.sop_instance_uid, made.transfer_syntax_uid
        )

    def _exported(self, ways: Sequence[Way]) -> Exported:
        made = self._made.files
        new = []
        for way in ways:
            files = [made[file.path] for file in way.files]
            new.append(replace(way, files=tuple(f for f in files if isinstance(f, OutgoingFile))))
        refused = [said for said in map(made.get, _paths(ways[0])) if isinstance(said, str)]
        counts = Counter(refused)
        reasons = ", ".join(f"{count} objects: {why}" for why, count in counts.items())
        return Exported(new, len(refused), reasons)


def _paths(way: Way) -> list[Path]:
    return [file.path for file in way.files]
