from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from dicom_node.config import load_settings
from dicom_node.intake.header import ROUTING_KEYWORDS
from dicom_node.routing.check import check_rules
from dicom_node.routing.rule_set import Known
from pipelines.registry import load_cards
from tests.tools import program

DEPLOY = Path(__file__).parents[2] / "deploy"
UNIT = DEPLOY / "systemd" / "dicom-node.service"


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path):
    analyze = program("systemd-analyze", package="systemd")
    # The program is not installed where tests run; everything else is checked as it stands.
    text = UNIT.read_text(encoding="utf-8").replace("/opt/dicom-node/bin/dicom-node", "/bin/true")
    (tmp_path / UNIT.name).write_text(text, encoding="utf-8")

    done = subprocess.run(
        [analyze, "verify", "--man=no", str(tmp_path / UNIT.name)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (0, "") == (done.returncode, done.stderr)


def test_the_unit_keeps_the_one_time_link_out_of_the_journal():
    assert "StandardOutput=null\nStandardError=journal\n" in UNIT.read_text(encoding="utf-8")


def test_the_unit_names_the_exit_codes_that_do_not_heal():
    assert "RestartPreventExitStatus=2 3 4\n" in UNIT.read_text(encoding="utf-8")


def test_the_example_rules_are_right_and_their_tests_pass():
    checked = check_rules(DEPLOY / "rules.example", Known(load_cards(), ["pacs"], ROUTING_KEYWORDS))

    assert ([], 3) == (checked.mistakes, checked.passed)


def test_the_compositions_node_and_orthanc_know_each_other():
    node = load_settings(DEPLOY / "compose" / "node.toml", {})
    orthanc = json.loads((DEPLOY / "compose" / "orthanc.json").read_text(encoding="utf-8"))
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"]
    peer = node.peers["orthanc"]

    assert (orthanc["DicomAet"], orthanc["DicomPort"]) == (peer.ae_title, peer.port)
    assert peer.host in services
    assert [node.node.ae_title, "node", node.receive.port] == orthanc["DicomModalities"]["node"]
    assert f"127.0.0.1:{node.receive.port}:{node.receive.port}" in services["node"]["ports"]


@pytest.mark.parametrize("name", ["Dockerfile", "compose.yaml"])
def test_what_was_not_built_says_so(name):
    assert "NOT BUILT HERE" in (DEPLOY / name).read_text(encoding="utf-8").splitlines()[0]
