"""Every command as a person types it: what it answers, its exit code, and never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dicom_node import __version__
from storage.audit import AuditEvent, list_events, record, verify
from storage.db.engine import Database
from storage.db.schema import create_or_check
from storage.db.tables import Delivery, Job, Series, Study
from tests.builders import CANARY, a_series, uid, write_series
from tests.jobs import stub_environment
from tests.receiving import a_receiver
from tests.trail import Tamperer

STUB_RULES = Path(__file__).parents[1] / "stubs" / "rules"


def dicom_node(*arguments: object, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dicom_node", *map(str, arguments)],
        capture_output=True, text=True, check=False, timeout=60, input=typed,
        env={**os.environ, **stub_environment(), "TERM": "dumb"},
    )  # fmt: skip


@pytest.fixture
def config(tmp_path) -> Path:
    """Settings of a node that has a failed job and a failed delivery."""
    folder = tmp_path / "data"
    folder.mkdir()
    path = tmp_path / "node.toml"
    path.write_text(f'[node]\ndata_folder = "{folder}"\n[rules]\nfolder = "{STUB_RULES}"\n')
    db = Database(f"sqlite:///{folder / 'node.db'}", head_file=folder / "audit.head")
    create_or_check(db)
    now = datetime.now(UTC)
    with db.begin() as session:
        record(session, AuditEvent("110100", "E", "node", "started"))
        study = Study(
            study_uid=uid("study"), patient_name=CANARY, state="routed", created_at=now,
            last_received_at=now,
        )  # fmt: skip
        session.add(study)
        session.flush()
        series = Series(study_id=study.id, series_uid=uid("series"))
        session.add(series)
        session.flush()
        job = Job(
            study_id=study.id, series_id=series.id, revision=1, rule="r", pipeline="stub-enhance",
            input_key="k", run_after=now, created_at=now, state="failed", reason="it broke",
        )  # fmt: skip
        session.add(job)
        session.flush()
        session.add(
            Delivery(
                job_id=job.id, study_id=study.id, destination="PACS", state="failed",
                run_after=now, created_at=now, reason="PACS does not answer",
            )
        )  # fmt: skip
    db.close()
    return path


def test_the_version_is_told_quickly():
    begun = time.monotonic()
    done = dicom_node("--version")

    assert (f"dicom-node {__version__}\n", 0) == (done.stdout, done.returncode)
    assert time.monotonic() - begun < 5
    loaded = subprocess.run(
        [sys.executable, "-c",
         "import sys, dicom_node.cli; print({'sqlalchemy', 'pydicom', 'torch', 'fastapi', 'numpy'}"
         " & sys.modules.keys())"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "set()\n" == loaded.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("jobs", "list"),
        ("jobs", "rerun", "1"),
        ("deliveries", "resend", "1"),
        ("audit", "verify"),
        ("user", "list"),
        ("db", "backup"),
        ("db", "upgrade"),
    ],
)
def test_without_a_database_a_command_says_so_in_one_line(tmp_path, arguments):
    config = tmp_path / "node.toml"
    config.write_text(f'[node]\ndata_folder = "{tmp_path / "none"}"\n')

    done = dicom_node(*arguments, "--config", config)

    assert (2, 1) == (done.returncode, len(done.stderr.splitlines()))
    assert "does not exist: start the node once" in done.stderr
    assert not (tmp_path / "none").exists()


def test_a_typo_in_a_setting_names_the_nearest_one(tmp_path):
    config = tmp_path / "node.toml"
    config.write_text("[receive]\nprot = 104\n")

    done = dicom_node("serve", "--config", config)

    assert 2 == done.returncode
    assert f"{config}: [receive] prot: no such setting; did you mean port?\n" == done.stderr


def test_a_failed_job_is_listed_and_run_again(config):
    listed = dicom_node("jobs", "list", "--state", "failed", "--config", config)
    assert "stub-enhance" in listed.stdout
    assert "it broke" in listed.stdout

    assert 0 == dicom_node("jobs", "rerun", 1, "--config", config).returncode
    assert "queued" in dicom_node("jobs", "list", "--config", config).stdout
    assert 0 == dicom_node("jobs", "cancel", 1, "--config", config).returncode

    again = dicom_node("jobs", "cancel", 1, "--config", config)
    assert (1, "job 1 is cancelled: no event cancel\n") == (again.returncode, again.stderr)
    unknown = dicom_node("jobs", "rerun", 99, "--config", config)
    assert (1, "there is no job 99\n") == (unknown.returncode, unknown.stderr)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("jobs", "list"), "no jobs yet"),
        (("jobs", "list", "--state", "running"), "no job is running"),
        (("deliveries", "list"), "no deliveries yet"),
        (("deliveries", "list", "--state", "sent"), "no delivery is sent"),
        (("audit", "list"), "no events yet"),
        (("audit", "list", "--by", "user:ann"), "no such events"),
        (("user", "list"), "no accounts yet"),
    ],
)
def test_an_empty_list_says_so(tmp_path, sqlite_template, arguments, told):
    config = tmp_path / "node.toml"
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "node.db").write_bytes(sqlite_template.read_bytes())
    config.write_text(f'[node]\ndata_folder = "{tmp_path / "data"}"\n')

    done = dicom_node(*arguments, "--config", config)

    assert (0, f"{told}\n") == (done.returncode, done.stdout)


def test_a_failed_delivery_is_listed_sent_again_and_given_up(config):
    listed = dicom_node("deliveries", "list", "--config", config)
    assert "PACS does not answer" in listed.stdout

    assert 0 == dicom_node("deliveries", "resend", 1, "--config", config).returncode
    assert 0 == dicom_node("deliveries", "cancel", 1, "--config", config).returncode
    assert "cancelled" in dicom_node("deliveries", "list", "--config", config).stdout


def test_aud_11_listing_the_trail_is_itself_recorded_and_it_verifies(config):
    first = dicom_node("audit", "list", "--config", config)
    second = dicom_node("audit", "list", "--event", "110101", "--config", config)

    assert "started" in first.stdout
    assert "1 rows listed" in second.stdout
    assert "terminal:" in second.stdout
    verified = dicom_node("audit", "verify", "--config", config)
    assert (0, "3 rows verified\n") == (verified.returncode, verified.stdout)


def test_a_broken_trail_is_told_with_its_first_bad_row(config):
    url = f"sqlite:///{config.parent / 'data' / 'node.db'}"
    tamperer = Tamperer(url)
    tamperer.run("UPDATE audit SET text = 'something else' WHERE seq = 1")
    tamperer.close()

    done = dicom_node("audit", "verify", "--config", config)

    assert 1 == done.returncode
    assert done.stderr.startswith("audit row 1: edited")
    assert 1 == len(done.stderr.splitlines())


def test_users_are_added_with_a_typed_password_and_listed(config):
    password = "a long and lonely sentence"
    added = dicom_node(
        "user", "add", "ann", "--role", "admin", "--config", config, typed=f"{password}\n"
    )
    assert (0, "ann can log in as admin\n", "") == (
        added.returncode, added.stdout, added.stderr,
    )  # fmt: skip
    changed = dicom_node("user", "password", "ann", "--config", config, typed=f"{password}!\n")
    assert 0 == changed.returncode

    assert "ann" in dicom_node("user", "list", "--config", config).stdout
    weak = dicom_node("user", "add", "bob", "--config", config, typed="short\n")
    assert 1 == weak.returncode
    assert password not in added.stdout + changed.stdout


@pytest.mark.parametrize("arguments", [("db", "upgrade"), ("jobs", "list")])
def test_a_database_file_of_the_settings_that_is_missing_is_not_made(tmp_path, arguments):
    config, file = tmp_path / "node.toml", tmp_path / "elsewhere.db"
    config.write_text(
        f'[node]\ndata_folder = "{tmp_path / "data"}"\n[database]\nurl = "sqlite:///{file}"\n'
    )

    done = dicom_node(*arguments, "--config", config)

    told = f"{file} does not exist: start the node once, or name its --config\n"
    assert (2, told) == (done.returncode, done.stderr)
    assert [config] == list(tmp_path.iterdir())


def test_aud_a_backup_is_in_the_trail_and_in_its_own_copy(config):
    copy = config.parent / "copy.db"
    dicom_node("db", "backup", "--to", copy, "--config", config)
    again = dicom_node("db", "backup", "--to", copy, "--config", config)

    assert 1 == again.returncode
    listed = dicom_node("audit", "list", "--event", "110106", "--config", config).stdout
    failed, tried, made = listed.splitlines()
    assert "[8]" in failed
    assert "no backup was made" in failed
    assert all("the database is copied to a backup" in line for line in (tried, made))
    assert "terminal:" in made
    db = Database(f"sqlite:///{copy}")
    with db.read() as session:
        rows = list_events(session, limit=1)
    db.close()
    assert "110106" == rows[0].event


def test_the_database_is_backed_up_and_up_to_date(config):
    backed = dicom_node("db", "backup", "--config", config)
    named = dicom_node("db", "backup", "--to", config.parent / "copy.db", "--config", config)
    upgraded = dicom_node("db", "upgrade", "--config", config)

    assert 0 == backed.returncode, backed.stderr
    copy = Path(backed.stdout.removeprefix("the backup is ").strip())
    assert 0o600 == copy.stat().st_mode & 0o777
    assert (0, True) == (named.returncode, (config.parent / "copy.db").exists())
    assert "up to date" in upgraded.stdout
    head = config.parent / "data" / "audit.head"
    db = Database(f"sqlite:///{config.parent / 'copy.db'}")
    assert 3 == verify(db, head)
    db.close()


def test_rules_are_checked_with_the_tests_beside_them(config, tmp_path):
    shipped = dicom_node("rules", "check", "--config", config)
    assert (0, "1 rules, 0 tests passed\n") == (shipped.returncode, shipped.stdout)

    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "a.yaml").write_text("rules:\n  - name: a\n    match: {Modalty: CT}\n")
    broken = dicom_node("rules", "check", tmp_path / "r", "--config", config)
    assert 2 == broken.returncode
    assert "a.yaml:" in broken.stderr
    assert "Modality" in broken.stderr


@pytest.mark.parametrize("command", [("rules", "check"), ("doctor",)], ids=" ".join)
def test_a_profile_that_there_is_not_is_told_with_those_that_there_are(command, config, tmp_path):
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(config.read_text() + "[peers.X]\nae_title = 'X'\nprofile = 'ortanc'\n")

    done = dicom_node(*command, "--config", wrong)

    assert 0 != done.returncode
    assert "[peers.X] profile: no profile is called 'ortanc'; known are dcm4chee" in done.stderr


def test_rules_are_explained_for_a_file(config, tmp_path):
    path = write_series(tmp_path / "f", a_series(slices=1))[0]

    done = dicom_node("rules", "explain", path, "--config", config)

    assert 0 == done.returncode, done.stderr
    assert "rule stub: matched -> stub-enhance, stub-segment" in done.stdout
    assert "yes Modality: wanted CT, found CT" in done.stdout


def test_a_file_that_is_no_dicom_is_told_in_one_line(config):
    done = dicom_node("rules", "explain", config, "--config", config)

    assert (1, f"{config}: no DICOM prefix\n") == (done.returncode, done.stderr)


def test_an_undecided_study_and_an_unknown_one_are_told(config):
    undecided = dicom_node("rules", "explain", "1", "--config", config)
    unknown = dicom_node("rules", "explain", "2", "--config", config)

    assert "nothing is decided yet" in undecided.stderr
    assert "neither a file, nor the number or UID of a study" in unknown.stderr


def test_models_show_their_intended_use():
    done = dicom_node("models", "list")

    assert "stub-enhance 1: Stub enhancement" in done.stdout
    assert "not for  anything else" in done.stdout


def test_a_folder_is_sent_with_progress_and_others_are_passed_over(config, tmp_path):
    write_series(tmp_path / "study" / "deep", a_series(slices=3))
    (tmp_path / "study" / "notes.txt").write_text("no image")
    config.write_text(config.read_text() + "[receive]\nport = 0\ndisk_reserve_mb = 0\n")
    with a_receiver(config) as receiver:
        to = f"127.0.0.1:{receiver.port}"
        done = dicom_node("send", tmp_path / "study", "--to", to, "--config", config)

    assert 0 == done.returncode, done.stderr
    assert done.stdout.endswith("3 of 3 files accepted\n")


def test_a_folder_is_sent_as_the_node_itself_or_as_who_is_named(config, tmp_path):
    """A closed node takes it from whom it knows, as any other peer does."""
    write_series(tmp_path / "study", a_series(slices=1))
    config.write_text(
        config.read_text() + "[receive]\nport = 0\ndisk_reserve_mb = 0\n"
        '[peers.OURSELVES]\nae_title = "DICOM_NODE"\n[peers.DESK]\nae_title = "DESK"\n'
    )
    with a_receiver(config) as receiver:
        sending = ["send", tmp_path / "study", "--to", f"127.0.0.1:{receiver.port}"]
        itself = dicom_node(*sending, "--config", config)
        named = dicom_node(*sending, "--calling", "DESK", "--config", config)
        unknown = dicom_node(*sending, "--calling", "NOBODY", "--config", config)

    assert (0, 0) == (itself.returncode, named.returncode), itself.stderr + named.stderr
    assert 1 == unknown.returncode
    told = dicom_node("audit", "list", "--event", "110104", "--config", config).stdout
    assert [True, True] == ["peer:DICOM_NODE" in told, "peer:DESK" in told]


def test_sending_to_nobody_or_nothing_is_told_in_one_line(config, tmp_path):
    write_series(tmp_path / "study", a_series(slices=1))
    (tmp_path / "empty").mkdir()

    nobody = dicom_node("send", tmp_path / "study", "--to", "127.0.0.1:9", "--config", config)
    nothing = dicom_node("send", tmp_path / "empty", "--config", config)
    nowhere = dicom_node("send", tmp_path / "study", "--to", "there", "--config", config)

    assert (1, "DICOM_NODE at 127.0.0.1:9 does not answer\n") == (nobody.returncode, nobody.stderr)
    assert (1, f"{tmp_path / 'empty'}: holds no DICOM files\n") == (
        nothing.returncode, nothing.stderr,
    )  # fmt: skip
    assert 2 == nowhere.returncode


def test_doctor_prints_a_line_for_each_check(config):
    done = dicom_node("doctor", "--config", config)

    assert done.stdout
    assert all(line.startswith(("ok  ", "FAULT", "note ")) for line in done.stdout.splitlines()), (
        done.stdout
    )
    assert "Traceback" not in done.stderr


def test_a_database_out_of_reach_is_told_in_one_line(tmp_path):
    config = tmp_path / "node.toml"
    config.write_text(
        f'[node]\ndata_folder = "{tmp_path / "data"}"\n[rules]\nfolder = "{STUB_RULES}"\n'
        '[database]\nurl = "postgresql+psycopg://nobody:secret@127.0.0.1:9/none"\n'
    )

    for command in (("serve",), ("jobs", "list")):
        done = dicom_node(*command, "--config", config)

        assert (1, 1) == (done.returncode, len(done.stderr.splitlines())), done.stderr
        assert "the database cannot be used" in done.stderr
        assert "secret" not in done.stderr
