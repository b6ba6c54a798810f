"""Compares the images of two data sets that are encoded differently, in a process of its own.

Decoding runs C libraries on what a stranger sent; a receiver neither loads nor trusts them
(`lean`). It happens only when an instance comes again in another compression.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from dicom_node.intake.encoded import BROKEN, Encoded, decode

if TYPE_CHECKING:
    from typing import BinaryIO

LONGEST_S = 300.0
SAME, DIFFERENT = 0, 1
_one_at_a_time = threading.Lock()


def have_same_images(first: Encoded, second: Encoded) -> bool:
    """Tell whether both decode to the same pixels; what cannot be decoded counts as different."""
    command = [sys.executable, "-P", "-m", "dicom_node.intake.images"]
    head = json.dumps([[len(encoded), uid] for encoded, uid in (first, second)]).encode() + b"\n"
    with _one_at_a_time:
        try:
            child = subprocess.run(  # noqa: S603 - this module
                command,
                input=b"".join((head, first[0], second[0])),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=LONGEST_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return False
    return child.returncode == SAME


def main(sent: BinaryIO) -> int:
    """Exit code for two data sets, which come behind a line with their sizes and syntaxes."""
    from pydicom.dataset import FileMetaDataset  # noqa: PLC0415 - in the child only
    from pydicom.pixels import pixel_array  # noqa: PLC0415

    arrays = []
    for size, uid in json.loads(sent.readline()):
        try:
            dataset = decode(sent.read(size), uid)
            dataset.file_meta = FileMetaDataset()
            dataset.file_meta.TransferSyntaxUID = uid
            arrays.append(pixel_array(dataset))
        except (*BROKEN, RuntimeError):
            return DIFFERENT
    one, other = arrays
    return SAME if one.shape == other.shape and (one == other).all() else DIFFERENT


if __name__ == "__main__":
    sys.exit(main(sys.stdin.buffer))
