"""Kills a receiving node many times under load: ``python -m tests.soak --kills 200 --seed 7``.

Everything that was acknowledged is kept and read again at the end: 200 kills want about 8 GB.
"""

from __future__ import annotations

import argparse
import secrets
import tempfile
import time
from pathlib import Path

from tests.soak.campaign import Campaign
from tests.soak.report import histogram


def main() -> None:
    """Run, print what was hit, and end with an error where the promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None, help="none: a random one, printed")
    parser.add_argument("--folder", type=Path, help="where data goes; none: a temporary folder")
    arguments = parser.parse_args()
    seed = secrets.randbits(32) if arguments.seed is None else arguments.seed
    print(f"seed {seed}", flush=True)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="soak-", dir=arguments.folder) as folder:
        report = Campaign(Path(folder), seed).run(arguments.kills)
    print(histogram(report))
    print(f"seed {seed}, {time.monotonic() - begun:.0f} s")
    assert report.in_message * 2 >= report.deaths, "fewer than half hit a message for certain"


if __name__ == "__main__":
    main()
