"""Fresh CT images by the hundred: one made image, its UIDs and pixels replaced in its bytes."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

import numpy as np

from tests.builders import an_image

EDGE = {"slice": 512, "large": 2048}  # pixels of 2 bytes: 525 KB and 8.4 MB
# Placeholders as long as what replaces them, so that every message of a kind has one length.
STUDY, SERIES, SOP = ("2.25." + digit * 30 for digit in "123")
META_LENGTH = 140  # where (0002,0000) holds how long the file meta is that follows it


@dataclass(frozen=True, slots=True)
class Sent:
    """An image on its way: what is kept of it after its file is gone."""

    path: Path
    kind: str
    study_uid: str
    series_uid: str
    sop_uid: str
    digest: str
    size: int  # of the data set

    @property
    def key(self) -> str:
        """Where the store must have it."""
        return f"received/{self.study_uid}/{self.series_uid}/{self.sop_uid}.dcm"


def make_images(folder: Path, rng: Random, kinds: list[str]) -> list[Sent]:
    """A new series of a new study in `folder`, one image of each named kind."""
    folder.mkdir(parents=True)
    study, series = a_uid(rng), a_uid(rng)
    return [_write(folder, rng, kind, (study, series, a_uid(rng))) for kind in kinds]


def a_uid(rng: Random) -> str:
    return f"2.25.{rng.randrange(10**29, 10**30)}"


def data_set_of(file: bytes) -> bytes:
    """What follows the file meta (PS3.10 7.1)."""
    return file[META_LENGTH + 4 + int.from_bytes(file[META_LENGTH : META_LENGTH + 4], "little") :]


def digest_of(file: bytes) -> str:
    """One hash for the data set of a file."""
    return hashlib.sha256(data_set_of(file)).hexdigest()


def _write(folder: Path, rng: Random, kind: str, uids: tuple[str, str, str]) -> Sent:
    head = _head_of(kind)
    for old, new in zip((STUDY, SERIES, SOP), uids, strict=True):
        head = head.replace(old.encode(), new.encode())
    size = EDGE[kind] ** 2 * 2
    start = rng.randrange(len(_noise()) - size)
    file = head + _noise()[start : start + size]
    path = folder / f"{uids[2]}.dcm"
    path.write_bytes(file)
    return Sent(path, kind, *uids, digest_of(file), len(data_set_of(file)))


@cache
def _noise() -> bytes:
    """Pixels for every image: each takes its piece from a place of its own."""
    return Random(0).randbytes(16 << 20)


@cache
def _head_of(kind: str) -> bytes:
    """The made image up to its pixels, which come last."""
    image = an_image("CT", 0, np.zeros((EDGE[kind], EDGE[kind]), np.int16))
    image.StudyInstanceUID, image.SeriesInstanceUID, image.SOPInstanceUID = STUDY, SERIES, SOP
    image.file_meta.MediaStorageSOPInstanceUID = SOP
    stream = io.BytesIO()
    image.save_as(stream, enforce_file_format=True)
    return stream.getvalue()[: -(EDGE[kind] ** 2) * 2]
