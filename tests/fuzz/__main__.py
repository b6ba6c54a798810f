"""``make fuzz``: mutated data sets, PDUs and whole conversations, two parts at a time.

Exits with 1 where anything crashed, hung, leaked, or was read in two ways. ``--seed`` brings a run
back, but for what threads and the clock decide; ``--seconds`` makes it a short one.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from random import Random

from tests.fuzz.finding import Seen
from tests.fuzz.lines import share_of_lines, traced_environment

GRACE_S = 120.0
AT_ONCE = 2
FAULTS = ("crashes", "hangs", "leaks")
_PATH = {"PYTHONPATH": os.pathsep.join([str(Path.cwd()), os.environ.get("PYTHONPATH", "")])}


@dataclass(frozen=True, slots=True)
class Part:
    """What one process does."""

    name: str
    count: int
    seed: int
    is_traced: bool


def main() -> int:
    """Run all parts, print what was seen, and say by the exit status whether it was good."""
    given = _arguments()
    folder = Path(given.folder)
    print(f"seed {given.seed}", flush=True)
    environments = {True: traced_environment(folder), False: os.environ | _PATH}
    parts = [
        Part("messages", given.messages, given.seed, is_traced=True),
        *_shared("data-sets", given.data_sets, given.seed, among=2),
    ]
    if find_spec("dicom_node.net.pdata"):
        parts += _shared("pdus", given.pdus, given.seed, among=4)
    if find_spec("atheris") and given.guided:
        parts.append(Part("guided", given.guided, given.seed, is_traced=False))
    began = time.monotonic()
    seen = Seen()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for one in pool.map(
            lambda part: _run(part, given.seconds, folder, environments[part.is_traced]), parts
        ):
            seen.add(one)
    _tell(seen, folder, time.monotonic() - began)
    return 1 if seen.faults or any(seen.counts[fault] for fault in FAULTS) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make fuzz FUZZ=...")
    parser.add_argument("--seed", type=int, default=Random().randrange(10**9))
    parser.add_argument("--data-sets", type=int, default=100_000)
    parser.add_argument("--pdus", type=int, default=1_000_000)
    parser.add_argument("--messages", type=int, default=12_000)
    parser.add_argument("--guided", type=int, default=50_000, help="data sets that libFuzzer makes")
    parser.add_argument("--seconds", type=float, default=1500.0, help="the longest a part may take")
    parser.add_argument("--folder", default="build/fuzz", help="where inputs that fail are kept")
    return parser.parse_args()


def _shared(name: str, count: int, seed: int, among: int) -> list[Part]:
    """The work in equal parts; tracing lines doubles the time, so one of them does it."""
    return [Part(name, count // among, seed + one, is_traced=one == 0) for one in range(among)]


def _run(part: Part, seconds: float, folder: Path, environment: dict[str, str]) -> Seen:
    name, count, seed = part.name, part.count, part.seed
    if name == "guided":
        command = ["tests.fuzz.guided", seed, count, int(seconds), folder / f"guided-{seed}"]
    else:
        command = ["tests.fuzz.stage", name, "--seed", seed, "--count", count]
        command += ["--seconds", seconds, "--folder", folder]
    seen = Seen()
    try:
        done = subprocess.run(
            [sys.executable, "-m", *map(str, command)],
            env=environment,
            capture_output=True,
            timeout=seconds + GRACE_S,
            text=True,
            check=True,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        seen.counts["crashes" if isinstance(error, subprocess.CalledProcessError) else "hangs"] += 1
        seen.faults.append(f"{name} with seed {seed} did not end well: {str(error.stderr)[-3000:]}")
        return seen
    if name == "guided":
        units = re.search(r"number_of_executed_units: (\d+)", done.stderr)
        seen.counts["data sets that libFuzzer made"] = int(units[1]) if units else 0
    else:
        found = json.loads(done.stdout.splitlines()[-1])
        seen = Seen(Counter(found["counts"]), found["faults"])
    wanted = "" if max(seen.counts.values()) >= count else f"; its time was over before {count:,}"
    print(f"{name}, seed {seed}: {dict(seen.counts)}{wanted}", flush=True)
    return seen


def _tell(seen: Seen, folder: Path, seconds: float) -> None:
    print(f"\nin {seconds:.0f} s:")
    for name, count in sorted(seen.counts.items()):
        print(f"{count:>12,}  {name}")
    counts = seen.counts
    fed = sum(n for name, n in counts.items() if name.startswith("conversations with"))
    past = fed - counts["conversations with no association"]
    print(f"past A-ASSOCIATE: {_share(past, fed)} in process, ", end="")
    print(f"{_share(counts['connections past A-ASSOCIATE'], counts['connections'])} by sockets")
    print("lines gone through:")
    for name, (gone, all_lines) in share_of_lines(folder).items():
        print(f"{_share(gone, all_lines):>12}  {name}")
    print("crashes, hangs, leaks:", ", ".join(str(counts[fault]) for fault in FAULTS))
    for fault in seen.faults:
        print("FAULT", fault)


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "none"


if __name__ == "__main__":
    sys.exit(main())
