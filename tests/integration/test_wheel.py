"""The wheel, installed into an empty environment outside the clone, is the whole product."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
               "--wheel-dir", folder]  # fmt: skip
    subprocess.run([*map(str, command), str(ROOT)], check=True, capture_output=True, text=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """A new environment with the wheel; its dependencies are those of the running one."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True, symlinks=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", "--no-deps", wheel], check=True)
    site = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    # A path line reaches the dependencies but runs no .pth file there, so the clone stays unseen.
    Path(site, "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def run(python: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [python, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def test_the_wheel_holds_exactly_the_three_packages(wheel):
    names = zipfile.ZipFile(wheel).namelist()

    top = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert {"dicom_node", "pipelines", "storage"} == top


@pytest.mark.parametrize(
    "pattern",
    [
        "pipelines/ct/cards/*.toml",
        "pipelines/ct/cards/*.safetensors",
        "pipelines/nuclear/cards/*.toml",
        "pipelines/conformance/tables.json",
        "dicom_node/routing/rules/*.yaml",
        "dicom_node/web/templates/*.html",
        "dicom_node/web/static/*.css",
        "dicom_node/web/static/vendor/*.js",
        "dicom_node/demo/templates/*.html",
        "storage/db/migrations/versions/*.py",
    ],
)
def test_the_wheel_carries_what_is_not_code(wheel, pattern):
    names = zipfile.ZipFile(wheel).namelist()

    assert [name for name in names if Path(name).match(pattern)] != []


def test_both_ways_to_call_it_give_the_version(installed, tmp_path):
    from dicom_node import __version__

    as_module = run(installed, "-m", "dicom_node", "--version", cwd=tmp_path)
    as_command = subprocess.run(
        [installed.with_name("dicom-node"), "--version"],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip

    assert (f"dicom-node {__version__}\n", 0) == (as_module.stdout, as_module.returncode)
    assert as_module.stdout == as_command.stdout


def test_every_card_loads_and_its_weights_have_the_stated_hash(installed, tmp_path):
    script = (
        "import hashlib; from pipelines.registry import load_cards; cards = load_cards();"
        "print(len(cards), all(hashlib.sha256(c.weights_path.read_bytes()).hexdigest()"
        " == c.weights.sha256 for c in cards.values() if c.weights))"
    )
    done = run(installed, "-c", script, cwd=tmp_path)

    assert "12 True\n" == done.stdout, done.stderr
