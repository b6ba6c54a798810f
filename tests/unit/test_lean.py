"""A receiver that is linked to an indexer loads neither codecs nor a database."""

import subprocess
import sys

SCRIPT = """
import sys
from dicom_node.lean import be_lean
be_lean()
import dicom_node.receiver
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_what_a_receiver_does_not_use_is_not_in_it():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )

    loaded = set(done.stdout.split())
    assert {"pydicom", "pynetdicom", "dicom_node"} <= loaded
    assert set() == loaded & {
        "gdcm", "numpy", "openjpeg", "PIL", "pylibjpeg", "rich", "sqlalchemy", "torch",
    }  # fmt: skip
