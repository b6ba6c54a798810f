"""A checkpoint: a signed line that says how far the audit trail was, and with which last hash.

Who can write the database can seal a whole new trail, but without the key he cannot sign for it.
Each checkpoint names the digest of the one before, so one that is left out is missed. It is one
line of JSON, the same in the database and in the anchor file.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from storage.db.types import to_json
from storage.head import EMPTY, GENESIS, Head

if TYPE_CHECKING:
    from storage.signing import KeyRing, SigningKey

PURPOSE = b"dicom-node audit checkpoint 1\n"
"""Put before what is signed, so that no other thing that the key signs passes for a checkpoint."""
LONGEST = 4096
"""More characters than a checkpoint's line can have."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What was signed.

    Attributes
    ----------
    number : int
        Its place among the checkpoints, from 1.
    at : str
        When, as the node's clock had it. For people: nothing depends on it, as clocks are set back.
    count, hash
        Number and hash of the last row of the trail at that time.
    cut_count, cut_hash
        Number and hash of the last row that had gone into an archive: the trail begins after it.
    previous : str
        The digest of the checkpoint before.
    key : str
        The name of the key that signed it.
    signature : str
        Over all of the above.
    """

    number: int
    at: str
    count: int
    hash: str
    cut_count: int
    cut_hash: str
    previous: str
    key: str
    signature: str = ""

    @property
    def cut(self) -> Head:
        """The last archived row; EMPTY where all of the trail is in the database."""
        return Head(self.cut_count, self.cut_hash)


FIELDS = {name: int if kind == "int" else str for name, kind in Checkpoint.__annotations__.items()}


def signed(
    key: SigningKey,
    *,
    number: int,
    head: Head,
    cut: Head = EMPTY,
    previous: str = GENESIS,
    at: datetime | None = None,
) -> Checkpoint:
    """A checkpoint over the trail up to `head`, signed by `key`."""
    unsigned = Checkpoint(
        number=number,
        at=(at or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds"),
        count=head.count,
        hash=head.hash,
        cut_count=cut.count,
        cut_hash=cut.hash,
        previous=previous,
        key=key.id,
    )
    return replace(unsigned, signature=key.sign(_content(unsigned)))


def line_of(checkpoint: Checkpoint) -> str:
    """The checkpoint as one line of text, without its end: what every anchor is told."""
    return to_json(asdict(checkpoint))


def digest_of(line: str) -> str:
    """What the next checkpoint names this one by."""
    return hashlib.sha256(line.encode("utf-8", "surrogateescape")).hexdigest()


def parse(line: str) -> Checkpoint | None:
    """The checkpoint of which this is the one line; None where it is none, signed or not."""
    if len(line) > LONGEST:
        return None
    try:
        values: Any = json.loads(line)
        if not isinstance(values, dict) or values.keys() != FIELDS.keys():
            return None
        if any(type(values[name]) is not kind for name, kind in FIELDS.items()):
            return None
        checkpoint = Checkpoint(**values)
        return checkpoint if line_of(checkpoint) == line else None
    except (ValueError, RecursionError):
        return None


def is_signed(checkpoint: Checkpoint, keys: KeyRing) -> bool:
    """Whether one of the keys has signed it."""
    return keys.fits(checkpoint.key, checkpoint.signature, _content(checkpoint))


def _content(checkpoint: Checkpoint) -> bytes:
    values = asdict(checkpoint)
    del values["signature"]
    return PURPOSE + to_json(values).encode("ascii")
