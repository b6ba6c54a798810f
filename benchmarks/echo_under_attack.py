"""How much longer an echo takes while others misbehave, and what is left of a sender's rate.

    make bench-echo
    make bench-echo BENCH="--rounds 1 --echoes 50 --attacks garbage"

The node runs as `dicom-node serve`, with TLS where it has it, afresh for every attack. An
attack comes right after a measurement without it; a rise is the difference of these two. The echoes
come from another address than the attack, one association each. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.certificate import tls_settings
from benchmarks.echo import echo_s, echoes, p99
from benchmarks.echo_figures import Pair, Phase, result, table
from benchmarks.errors import BenchmarkFailed
from benchmarks.load import SERIES, make_load
from benchmarks.programs import free_port, versions
from benchmarks.quiet import await_that, become_idle
from benchmarks.receiver import running
from benchmarks.receivers import Node
from benchmarks.senders import send

ROOT = Path(__file__).parents[1]
ATTACKS = {"idle-and-slow": ("idle", "slow"), "crowd": ("crowd",), "garbage": ("garbage",)}
IDLE_WITHIN_S = 60.0
RECOVER_WITHIN_S = 180.0
SEND_WITHIN_S = 60.0
SETTLE_AFTER_S = 3600  # no study is complete meanwhile: pipelines would take the processors


def main() -> None:
    """Measure, and print a table and the JSON object."""
    options = _options()
    options.folder.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="echo-", dir=options.folder))
    try:
        tls = tls_settings(work / "tls")
        pairs = list(_measure(work, options, tls))
    except BenchmarkFailed as failure:
        sys.exit(str(failure))
    finally:
        shutil.rmtree(work)
    print("; ".join(versions()))
    print(f"the idle client is on the {'TLS' if tls else 'plain'} port, ", end="")
    print(f"{options.rounds} rounds of {options.echoes} echoes, medians")
    print(*table(pairs), sep="\n")
    print(json.dumps(result(pairs)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-echo", description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--rounds", type=int, default=5)
    add("--echoes", type=int, default=200)
    add("--images", type=int, default=64, help=f"CT slices of the sender, a multiple of {SERIES}")
    add("--attacks", nargs="+", choices=tuple(ATTACKS), default=list(ATTACKS))
    add("--folder", type=Path, default=ROOT / ".cache" / "bench", help="on the disk to measure")
    options = parser.parse_args()
    if options.images % SERIES:
        parser.error(f"--images: a multiple of {SERIES}")
    return options


def _measure(work: Path, options: argparse.Namespace, tls: dict[str, str]) -> Iterator[Pair]:
    images = make_load(work / "load", "CT", slices=options.images, shrink=1).parts(1)
    for _ in range(options.rounds):
        for name in options.attacks:
            pair = _pair(name, Node(work / "node", "nodelay", _settings(tls)), images, options)
            shutil.rmtree(work / "node")
            print(
                f"{name}: {pair.rise_ms:+.1f} ms, answers again after {pair.recovered_s:.1f} s, "
                f"connections: {pair.opened}",
                file=sys.stderr,
                flush=True,
            )
            yield pair


def _settings(tls: dict[str, str]) -> dict[str, str]:
    ports = {"TLS__PORT": str(free_port())} if tls else {}
    return {"RECEIVE__SETTLE_AFTER_S": str(SETTLE_AFTER_S), **tls, **ports}


def _pair(name: str, node: Node, images: list[Path], options: argparse.Namespace) -> Pair:
    """One attack on a fresh node."""
    tls_port = int(node.environment.get("DICOM_NODE_TLS__PORT", node.port))
    opened: dict[str, int] = {}
    with running(node) as pid:
        become_idle(pid, IDLE_WITHIN_S)
        _phase(node.port, images, options)  # what comes first is slower than the rest
        alone = _phase(node.port, images, options)
        if not (math.isfinite(alone.p99_ms) and alone.images_per_s):
            raise BenchmarkFailed("the node did not answer without any attack")
        with attacking(ATTACKS[name], node.port, tls_port, opened):
            attacked = _phase(node.port, images, options)
        ended = time.monotonic()
        await_that(lambda: math.isfinite(echo_s(node.port)), "the node recovers", RECOVER_WITHIN_S)
        return Pair(name, alone, attacked, time.monotonic() - ended, opened)


def _phase(port: int, images: list[Path], options: argparse.Namespace) -> Phase:
    times = echoes(port, options.echoes)
    return Phase(
        p99_ms=p99(times) * 1000,
        unanswered=times.count(math.inf),
        images_per_s=_rate(images, port, options.images),
    )


def _rate(images: list[Path], port: int, number: int) -> float:
    """Images per second of one association that sends new instances; 0 where it failed."""
    try:
        seconds, _cpu_s = send(images, port, "nodelay", "+II", within_s=SEND_WITHIN_S)
    except BenchmarkFailed:
        return 0.0
    return number / seconds


@contextmanager
def attacking(
    names: tuple[str, ...], port: int, tls_port: int, opened: dict[str, int]
) -> Iterator[None]:
    """An attack for the length of the block; `opened` is told how often each client connected."""
    command = [sys.executable, "-m", "benchmarks.attacks"]
    attack = subprocess.Popen(
        [*command, "--port", str(port), "--tls-port", str(tls_port), *names],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    try:
        if not attack.stdout or attack.stdout.readline() != "attacking\n":
            raise BenchmarkFailed(f"the attack {names} did not begin")
        yield
        said, _ = attack.communicate(timeout=IDLE_WITHIN_S)
        opened.update(json.loads(said))
    finally:
        attack.kill()
        attack.communicate()


if __name__ == "__main__":
    main()
