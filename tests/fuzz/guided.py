"""libFuzzer looks for data sets that take new paths through the scanner: coverage guides it.

``python -m tests.fuzz.guided <seed> <runs> <seconds> <folder>``; atheris ends the process itself,
with another status than 0 and the bytes in the folder where it found something.
"""

from __future__ import annotations

import logging
import sys
import warnings
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["dicom_node.intake"]):
    from tests.fuzz.corpus import corpus
    from tests.fuzz.data_sets import SYNTAXES
    from tests.fuzz.scanner import judge

LONGEST_BYTES = 4096
LONGEST_S = 20


def one_input(given: bytes) -> None:
    """Judge a data set; the first byte says in which transfer syntax."""
    if given:
        judge(given[1:], SYNTAXES[given[0] % len(SYNTAXES)])


def main() -> None:
    """Start from the heads of the corpus's data sets, and go on for so many runs."""
    seed, runs, seconds, folder = sys.argv[1:]
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    found, start = Path(folder) / "guided", Path(folder) / "start"
    for place in (found, start):
        place.mkdir(parents=True, exist_ok=True)
    for number, (encoded, syntax) in enumerate(corpus()):
        if syntax in SYNTAXES:
            head = bytes([SYNTAXES.index(syntax)]) + encoded[:LONGEST_BYTES]
            (start / f"{number}").write_bytes(head)
    atheris.Setup(
        [
            sys.argv[0], f"-seed={seed}", f"-runs={runs}", f"-max_total_time={seconds}",
            f"-max_len={LONGEST_BYTES}", f"-timeout={LONGEST_S}", "-rss_limit_mb=2048",
            f"-artifact_prefix={folder}/", "-print_final_stats=1", "-verbosity=0",
            str(found), str(start),
        ],
        one_input,
    )  # fmt: skip
    atheris.Fuzz()


if __name__ == "__main__":
    main()
