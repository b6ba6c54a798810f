"""Does what the README says, with its own words: only ports and folders are put in their places."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from dicom_node.demo.pacs import free_port
from tests.acceptance.road import PROCESSED_WITHIN_S, a_node, a_pacs
from tests.builders import a_series, write_series
from tests.tools import program

pytestmark = [pytest.mark.orthanc, pytest.mark.dcmtk, pytest.mark.timeout(1500)]
ROOT = Path(__file__).parents[2]


def blocks(language: str) -> list[str]:
    """The fenced blocks of one language, in the README's order."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return [part.split("```")[0] for part in text.split(f"```{language}\n")[1:]]


def commands() -> list[str]:
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    return [line.split("#")[0].strip() for line in lines if line.strip()]


def test_a_study_sent_by_the_readmes_words_comes_back_to_orthanc(tmp_path):
    study = tmp_path / "study"
    images = write_series(study, a_series("CT", slices=6, rows=64, columns=64))
    with a_pacs(tmp_path / "pacs") as pacs:
        port, page = free_port(), free_port()
        (toml,) = blocks("toml")
        assert 'host = "0.0.0.0"' in toml  # the README's network example, here on this machine only
        toml = toml.replace('host = "0.0.0.0"', f"port = {port}\nsettle_after_s = 2")
        toml = toml.replace('"ORTHANC"', f'"{pacs.running.peer.ae_title}"')
        toml = toml.replace("4242", str(pacs.running.port))
        toml += f'\n[node]\ndata_folder = "{tmp_path / "data"}"\n[web]\nport = {page}\n'
        (send,) = [line for line in commands() if line.startswith("storescu")]
        send = send.replace("11112", str(port)).replace("path/to/study", str(study))
        send = send.replace("storescu", program("storescu", package="dcmtk"), 1)

        with a_node(tmp_path / "node", toml) as node:
            subprocess.run(shlex.split(send), check=True)
            node.wait_until_quiet(instances=len(images), within_s=PROCESSED_WITHIN_S)
            (series,) = node.results()
            came_back = pacs.series_of_study(series.study_uid)

    assert [("ct-denoise", "succeeded")] == [
        (job.pipeline, job.state) for job in series.jobs if job.pipeline == "ct-denoise"
    ]
    assert "CT" in {found["MainDicomTags"]["Modality"] for found in came_back}


def test_make_demo_once_ends_well_on_a_clean_clone(tmp_path):
    """The README's first command, on a clone with an empty home."""
    assert "make demo" in " ".join(commands())
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
    if (ROOT / ".cache").is_dir():
        shutil.copytree(ROOT / ".cache", clone / ".cache")  # images fetched before
    home = tmp_path / "home"
    home.mkdir()

    done = subprocess.run(
        ["make", "demo", "ONCE=1"], cwd=clone, env={"HOME": str(home), "PATH": _path()},
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert (clone / "demo" / "report.html").stat().st_size > 100_000


def _path() -> str:
    """The machine's own programs: without the running environment's, in which dcmtk is shadowed."""
    return "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
