"""The whole node as real processes: it starts, works, survives its children's deaths, and stops."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import urllib.request

import pytest

from dicom_node.demo.pacs import free_port, start_pacs
from tests.acceptance.road import Pacs
from tests.builders import CANARY, a_series, write_series
from tests.jobs import stub_environment
from tests.receiving import wait_until
from tests.serving import node_toml, serving
from tests.tools import program

pytestmark = [
    pytest.mark.orthanc,
    # pynetdicom drops the socket of a refused connection without closing it.
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]


@pytest.fixture(scope="module")
def pacs(tmp_path_factory):
    """An own Orthanc on free ports."""
    program("Orthanc", package="orthanc")
    running = start_pacs(tmp_path_factory.mktemp("pacs"))
    yield Pacs(running)
    running.close()


@pytest.fixture(scope="module")
def node(pacs, tmp_path_factory):
    """A node that delivers to the Orthanc, for every test that leaves it running."""
    folder = tmp_path_factory.mktemp("node")
    toml = node_toml(folder, port=free_port(), pacs=pacs.running.peer)
    with serving(folder, toml) as running:
        yield running


def send_and_wait(node, folder, key: str, slices: int = 3) -> str:
    """Send a new study and wait for the end of it; its UID."""
    images = a_series(slices=slices, key=key)
    before = node.underway().instances
    assert [0] * slices == node.send(write_series(folder, images))
    node.wait_until_quiet(instances=before + slices)
    return str(images[0].StudyInstanceUID)


def test_a_study_sent_comes_back_enhanced_segmented_and_measured(node, pacs, tmp_path):
    study_uid = send_and_wait(node, tmp_path, "road")

    came_back = pacs.series_of_study(study_uid)

    assert ["CT", "SEG", "SR"] == sorted(one["MainDicomTags"]["Modality"] for one in came_back)
    assert [1, 1, 3] == sorted(len(one["Instances"]) for one in came_back)
    assert node.verify_trail() > 10


def test_what_is_sent_again_changes_nothing(node, pacs, tmp_path):
    study_uid = send_and_wait(node, tmp_path, "twice")
    before = pacs.instance_ids(), node.transfers_out()

    rows = node.verify_trail()
    assert [0] * 3 == node.send(sorted(tmp_path.glob("*.dcm")))
    wait_until(lambda: node.verify_trail() > rows)  # the association has ended
    node.wait_until_quiet(instances=1)

    assert before == (pacs.instance_ids(), node.transfers_out())
    assert 3 == len(pacs.series_of_study(study_uid))


def test_a_late_slice_and_a_corrected_name_each_give_new_objects(node, pacs, tmp_path):
    """Standard A.4: content makes the UIDs, and what is sent again makes none."""
    images = a_series(slices=4, key="revised")
    corrected = a_series(slices=4, key="revised", PatientName="Zzphi^Joan")
    sent = {"first": images[:3], "late": images[3:], "corrected": corrected, "again": corrected}
    found: dict[str, set[tuple[str, str]]] = {}
    for name, part in sent.items():
        rows = node.verify_trail()
        assert [0] * len(part) == node.send(write_series(tmp_path / name, part))
        wait_until(lambda rows=rows: node.verify_trail() > rows)  # the association has ended
        node.wait_until_quiet(instances=len(part))
        found[name] = pacs.results_of_study(str(images[0].StudyInstanceUID))

    new = [found["first"], found["late"] - found["first"], found["corrected"] - found["late"]]
    assert [5, 6, 6] == list(map(len, new))
    assert 9 == len({series for part in new for series, _instance in part})
    assert found["corrected"] == found["again"]


def test_prv_neither_log_nor_terminal_tells_of_a_patient(node, tmp_path):
    send_and_wait(node, tmp_path, "canary")

    assert CANARY not in node.said
    assert "Zzphi" not in node.said


def test_everything_it_keeps_is_private(node):
    folder = node.settings.node.data_folder
    modes = {
        (path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in [folder, *folder.rglob("*")]
    }

    assert {(True, 0o700), (False, 0o600)} == modes


@pytest.mark.parametrize("role", ["core", "receiver-1"])
def test_a_killed_child_is_started_again_and_the_road_works(node, pacs, tmp_path, role):
    before = node.pid_of(role)
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: node.pid_of(role) != before)

    study_uid = send_and_wait(node, tmp_path, role)

    assert 3 == len(pacs.series_of_study(study_uid))


def test_a_killed_slot_is_started_again_for_the_next_job(node, pacs, tmp_path):
    before = node.pid_of("cpu-0")
    os.kill(before, signal.SIGKILL)

    study_uid = send_and_wait(node, tmp_path, "slot")

    assert before != node.pid_of("cpu-0")
    assert 3 == len(pacs.series_of_study(study_uid))


def test_a_hung_core_stops_no_reception(node, tmp_path):
    core = node.pid_of("core")
    os.kill(core, signal.SIGSTOP)
    try:
        assert [0] * 3 == node.send(write_series(tmp_path, a_series(slices=3, key="hung")))
    finally:
        os.kill(core, signal.SIGCONT)
    node.wait_until_quiet(instances=3)


def test_the_admin_page_answers_and_the_link_is_on_the_terminal_only(node):
    with urllib.request.urlopen(node.page) as answer:
        assert 200 == answer.status

    link = next(line for line in node.said.splitlines() if "/first-admin/" in line)
    assert not link.startswith("20"), "a log line starts with its time"


def test_sigterm_stops_every_process_and_is_recorded(tmp_path):
    with serving(tmp_path, node_toml(tmp_path, port=free_port())) as node:
        node.page  # noqa: B018 - waits for the core
        wait_until(lambda: node.pid_of("cpu-0"))
        pids = [node.pid_of(role) for role in ("core", "receiver-1", "cpu-0")]

        assert 0 == node.stop()

    assert [] == [pid for pid in pids if _lives(pid)]
    listed = dicom_node("audit", "list", "--config", str(node.config))
    assert "dicom-node 0.1.0 stopped" in listed.stdout
    assert "dicom-node 0.1.0 started" in listed.stdout


def test_children_end_when_the_supervisor_is_killed(tmp_path):
    with serving(tmp_path, node_toml(tmp_path, port=free_port())) as node:
        node.page  # noqa: B018 - waits for the core
        wait_until(lambda: node.pid_of("cpu-0"))
        pids = [node.pid_of(role) for role in ("core", "receiver-1", "cpu-0")]

        node.process.kill()

        wait_until(lambda: not any(_lives(pid) for pid in pids))


def test_two_nodes_do_not_share_a_folder(node, tmp_path):
    second = tmp_path / "second.toml"
    text = node.config.read_text().replace(f"port = {node.peer.port}", "port = 0")
    second.write_text(text)

    done = dicom_node("serve", "--config", str(second))

    assert (4, f"data folder {node.settings.node.data_folder}: another node uses it\n") == (
        done.returncode, done.stderr,
    )  # fmt: skip


def test_a_busy_port_is_told_in_one_line(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        config = tmp_path / "node.toml"
        config.write_text(node_toml(tmp_path, port=other.getsockname()[1]))

        done = dicom_node("serve", "--config", str(config))

    assert 3 == done.returncode
    assert 1 == len(done.stderr.splitlines())
    assert "is in use by another program" in done.stderr


def test_a_busy_port_of_the_page_stops_the_node_with_one_plain_line(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        config = tmp_path / "node.toml"
        text = node_toml(tmp_path, port=0)
        config.write_text(
            text.replace("[web]\nport = 0", f"[web]\nport = {other.getsockname()[1]}")
        )

        done = dicom_node("serve", "--config", str(config))

    assert 3 == done.returncode
    assert "Traceback" not in done.stderr
    assert "is in use by another program" in done.stderr


def test_a_data_folder_that_cannot_be_made_is_told_in_one_line(tmp_path):
    (tmp_path / "data").write_text("a file")
    config = tmp_path / "node.toml"
    config.write_text(node_toml(tmp_path, port=0))

    done = dicom_node("serve", "--config", str(config))

    assert (4, 1) == (done.returncode, len(done.stderr.splitlines()))


def test_a_broken_rule_is_told_before_anything_starts(tmp_path):
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.yaml").write_text(
        "rules:\n  - name: a\n    match: {Modality: CT}\n    run: [stub-enhanse]\n"
    )
    config = tmp_path / "node.toml"
    config.write_text(
        node_toml(tmp_path, port=0, more=f'[rules]\nfolder = "{tmp_path / "rules"}"\n')
    )

    done = dicom_node("serve", "--config", str(config))

    assert 2 == done.returncode
    assert "did you mean stub-enhance?" in done.stderr


def test_a_destination_that_is_down_holds_nothing_else_up(pacs, tmp_path):
    toml = node_toml(
        tmp_path, port=free_port(), pacs=pacs.running.peer,
        more=f'[peers.DOWN]\nae_title = "DOWN"\nhost = "127.0.0.1"\nport = {free_port()}\n'
        "is_destination = true\n",
    )  # fmt: skip
    with serving(tmp_path, toml) as node:
        images = a_series(slices=3, key="down")
        node.send(write_series(tmp_path / "study", images))
        study_uid = str(images[0].StudyInstanceUID)

        wait_until(lambda: len(pacs.series_of_study(study_uid)) == 3, 120)

        deliveries = wait_until(
            lambda: (
                found
                if ("DOWN", "queued")
                in (
                    found := [pair for s in node.results() for j in s.jobs for pair in j.deliveries]
                )
                else None
            )
        )
        assert ("PACS", "sent") in deliveries


def dicom_node(*arguments: str, cwd=None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dicom_node", *arguments],
        capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL, cwd=cwd,
        env={**os.environ, **stub_environment()},
    )  # fmt: skip


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
