"""One part of the fuzzing, in a process of its own: ``python -m tests.fuzz.stage <part> ...``.

Its last line is a JSON object of what was seen.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from random import Random

from tests.fuzz.corpus import corpus
from tests.fuzz.data_sets import SYNTAXES, grow, mutate
from tests.fuzz.finding import Seen, arm
from tests.fuzz.pdus import Conversation, Talker
from tests.fuzz.scanner import judge
from tests.fuzz.wire import besiege

MESSAGES_IN_PROCESS = 3


def fuzz_data_sets(rng: Random, wanted: int, seconds: float, folder: Path) -> Seen:
    """Judge so many mutated data sets: half of real ones, half of made-up ones."""
    seen, real, until = Seen(), corpus(), time.monotonic() + seconds
    while seen.counts["data sets"] < wanted and time.monotonic() < until:
        if rng.random() < 0.5:
            encoded, syntax = rng.choice(real)
        else:
            syntax = rng.choice(SYNTAXES)
            encoded = grow(rng, syntax)
        broken = mutate(rng, encoded, syntax)
        seen.counts["data sets"] += 1
        with seen.watch(f"data-set-{syntax}", broken, folder):
            seen.counts[f"data sets {judge(broken, syntax)}"] += 1
    return seen


def fuzz_pdus(rng: Random, wanted: int, seconds: float, folder: Path) -> Seen:
    """Feed conversations to the reader until it has read so many mutated PDUs."""
    from tests.fuzz.reader import feed

    seen, talker, until = Seen(), Talker(rng, corpus()), time.monotonic() + seconds
    while seen.counts["mutated PDUs"] < wanted and time.monotonic() < until:
        said = talker.converse(MESSAGES_IN_PROCESS)
        whole = b"".join(said.pdus)
        with seen.watch("pdus", whole, folder):
            at, depth = feed(whole)
            seen.counts[f"conversations with {depth}"] += 1
            seen.counts["mutated PDUs"] += sum(broken for broken in _reached(said, at))
    return seen


def _reached(said: Conversation, at: int) -> Iterator[bool]:
    """For each PDU of which something was read, whether it is a broken one."""
    start = 0
    for pdu, broken in zip(said.pdus, said.broken, strict=True):
        if start >= at:
            return
        yield broken
        start += len(pdu)


PARTS = {"data-sets": fuzz_data_sets, "pdus": fuzz_pdus, "messages": besiege}


def main() -> None:
    """Run the part that the command line names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    arm()
    rng = Random(f"{given.part} {given.seed}")
    seen = PARTS[given.part](rng, given.count, given.seconds, given.folder)
    print(json.dumps(seen.as_dict()))


if __name__ == "__main__":
    main()
