from __future__ import annotations

import gc
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

import dicom_node
from dicom_node.config import PeerSection, ReceiveSection, Settings
from dicom_node.data_folder import is_in_use, lock_data_folder
from dicom_node.doctor import certificates, content, examine, installation, machine, network
from dicom_node.doctor.finding import Finding
from dicom_node.net.scp import StorageScp
from pipelines.registry import load_cards
from storage.audit import AuditEvent, record
from storage.db import schema
from storage.db.engine import Database
from tests.certificates import Authority
from tests.receiving import HeardIntake

NOW = datetime.now(UTC)


def settings_in(folder: Path, **sections) -> Settings:
    sections = {"receive": {"port": 0, "disk_reserve_mb": 0, "disk_warn_mb": 0}, **sections}
    return Settings(node={"data_folder": folder / "data"}, **{"web": {"port": 0}, **sections})


def only(findings) -> Finding:
    (finding,) = list(findings)
    return finding


@pytest.fixture
def node_folder(tmp_path) -> Path:
    """A data folder with a database of one audit row."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    db = Database(f"sqlite:///{folder / 'node.db'}", head_file=folder / "audit.head")
    schema.create_or_check(db)
    with db.begin() as session:
        record(session, AuditEvent("110100", "E", "node", "started"))
    db.close()
    return tmp_path


def test_a_finding_is_one_line_with_its_verdict():
    assert "ok     disk: 5 MB" == str(Finding("disk", ok=True, text="5 MB"))
    assert "FAULT  disk: 5 MB" == str(Finding("disk", ok=False, text="5 MB"))
    assert "note   disk: 5 MB" == str(Finding("disk", ok=None, text="5 MB"))


def test_a_sound_installation_has_no_fault(node_folder):
    findings = examine(settings_in(node_folder))

    assert [] == [str(finding) for finding in findings if finding.ok is False]
    assert [
        "versions", "package pipelines", "package storage", "data folder", "disk", "clock",
        "open files", "devices", "database", "audit", "rules", "weights", "receive port",
        "web port",
    ] == [finding.name for finding in findings]  # fmt: skip
    assert not [finding for finding in findings if "\n" in finding.text]


def test_the_doctor_itself_loads_no_torch_and_changes_nothing(tmp_path):
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from dicom_node.config import Settings\n"
        "from dicom_node.doctor import examine\n"
        "settings = Settings(node={'data_folder': Path(sys.argv[1]) / 'data'},\n"
        "    receive={'port': 0}, web={'port': 0})\n"
        "examine(settings)\n"
        "print('torch' in sys.modules, 'highdicom' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False
    )

    assert "False False\n" == done.stdout, done.stderr
    assert [] == list(tmp_path.iterdir())


def test_versions_name_the_program_and_what_it_stands_on():
    finding = installation.check_versions()

    assert finding.ok
    assert f"dicom-node {dicom_node.__version__}, Python 3." in finding.text
    assert "pynetdicom 3." in finding.text


def test_a_missing_distribution_is_named(monkeypatch):
    monkeypatch.setattr(installation, "SHOWN", ("pydicom", "no-such-thing"))

    assert "not installed: no-such-thing; pip install dicom-node again" == (
        installation.check_versions().text
    )


def test_our_packages_are_ours():
    assert [True, True] == [finding.ok for finding in installation.check_packages()]


def test_another_distribution_with_a_package_of_our_name_is_named(tmp_path, monkeypatch):
    info = tmp_path / "storage_box-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: storage-box\nVersion: 1.0\n")
    (info / "top_level.txt").write_text("storage\n")
    (info / "RECORD").write_text("storage/__init__.py,,\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    finding = installation.check_packages()[1]

    assert finding.ok is False
    assert "the distribution storage-box holds a package of the same name" in finding.text


def test_a_package_loaded_from_elsewhere_is_told_and_the_rest_is_left(tmp_path):
    """In a process of its own, whose search path finds the other `storage` first."""
    (tmp_path / "storage").mkdir()
    (tmp_path / "storage" / "__init__.py").write_text("raise RuntimeError('not ours')\n")
    ours = Path(dicom_node.__path__[0]).parent
    code = (
        f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(ours)!r}]\n"
        "from dicom_node.config import Settings\n"
        "from dicom_node.doctor import examine\n"
        "for finding in examine(Settings()): print(finding)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    lines = done.stdout.splitlines()

    assert f"FAULT  package storage: is loaded from {tmp_path}/storage" in lines[2], done.stderr
    assert "note   rest: not checked: the packages above must be ours first" == lines[3]


def test_the_data_folder_must_be_private(tmp_path):
    folder = tmp_path / "data"

    assert f"{folder} will be made at the first start" == machine.check_folder(folder).text
    folder.mkdir(mode=0o700)
    assert f"{folder} is writable, mode 0700" == machine.check_folder(folder).text
    folder.chmod(0o755)
    assert machine.check_folder(folder).ok is False
    assert "chmod 700" in machine.check_folder(folder).text


def test_a_data_folder_that_is_a_file_is_a_fault(tmp_path):
    (tmp_path / "data").write_text("")

    finding = machine.check_folder(tmp_path / "data")

    assert finding.ok is False
    assert "cannot be written" in finding.text


def test_the_disk_is_measured_against_reserve_and_warning(tmp_path):
    huge = 10**9
    full = settings_in(tmp_path, receive={"disk_reserve_mb": huge, "disk_warn_mb": huge})
    tight = settings_in(tmp_path, receive={"disk_reserve_mb": 0, "disk_warn_mb": huge})
    low = settings_in(
        tmp_path, receive={"disk_reserve_mb": 0, "disk_pause_mb": 0, "disk_warn_mb": huge}
    )

    assert machine.check_disk(full).ok is False
    assert "nothing is received" in machine.check_disk(full).text
    assert machine.check_disk(tight).ok is False
    assert "no job is started" in machine.check_disk(tight).text
    assert machine.check_disk(low).ok is None
    assert machine.check_disk(settings_in(tmp_path)).ok


def test_the_clock_must_show_a_year_that_can_be():
    assert machine.check_clock("", datetime(1970, 1, 1, tzinfo=UTC)).ok is False
    assert machine.check_clock("", datetime(2127, 1, 1, tzinfo=UTC)).ok is False
    summer = machine.check_clock("Europe/Berlin", datetime(2026, 7, 1, 12, tzinfo=UTC))
    assert "2026-07-01 14:00, zone Europe/Berlin (+0200)" == summer.text
    assert summer.ok


def test_the_limit_of_open_files_is_measured_against_the_associations():
    assert machine.check_open_files(ReceiveSection(max_associations=1, max_connections=2)).ok
    finding = machine.check_open_files(ReceiveSection(max_connections=10**9))
    assert finding.ok is False
    assert "raise LimitNOFILE" in finding.text


@pytest.mark.parametrize(
    ("slots", "answer", "ok", "text"),
    [
        (["auto"], "[]", None, "no CUDA GPU: CPU is used"),
        (["auto"], '["A100"]', True, "cuda:0 A100"),
        (["cuda:0"], "[]", False, "no device for slot cuda:0: torch sees 0 CUDA GPUs"),
        (
            ["cuda:0", "cuda:1"],
            '["A100"]',
            False,
            "no device for slot cuda:1: torch sees 1 CUDA GPU",
        ),
        (
            ["cpu"],
            "broken",
            False,
            "torch cannot be loaded, so no pipeline with a network runs",
        ),
    ],
)
def test_every_slot_needs_its_device(slots, answer, ok, text):
    finding = machine.check_devices(slots, f"print({answer!r})")

    assert (ok, text) == (finding.ok, finding.text)


def test_a_torch_that_cannot_be_loaded_is_a_fault():
    assert machine.check_devices(["cpu"], "import no_such_module").ok is False


def test_no_database_yet_is_fine_and_none_is_made(tmp_path):
    finding = only(content.check_database(settings_in(tmp_path)))

    assert "none yet: it is made at the first start" == finding.text
    assert not (tmp_path / "data").exists()


def test_a_whole_database_and_trail(node_folder):
    texts = [finding.text for finding in content.check_database(settings_in(node_folder))]

    assert ["SQLite, schema is this program's", "1 rows verified, none missing"] == texts


def test_a_broken_trail_is_placed(node_folder):
    (node_folder / "data" / "audit.head").unlink()
    database, audit = content.check_database(settings_in(node_folder))

    assert database.ok
    assert audit.ok is False
    assert audit.text.startswith("audit row 1: ")


def test_a_file_that_is_no_database_is_a_fault(node_folder):
    (node_folder / "data" / "node.db").write_bytes(b"nothing like it" * 1000)

    finding = only(content.check_database(settings_in(node_folder)))

    assert finding.ok is False
    assert "cannot be read" in finding.text


def test_a_server_that_does_not_answer_is_a_fault_without_its_password(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    url = f"postgresql+psycopg://u:secret@127.0.0.1:{port}/x?connect_timeout=2"

    finding = only(content.check_database(settings_in(tmp_path, database={"url": url})))

    assert finding.ok is False
    assert "secret" not in finding.text


def test_an_address_that_is_none_is_a_fault(tmp_path):
    url = "postgresql+psycopg://u@h:port/x"

    finding = only(content.check_database(settings_in(tmp_path, database={"url": url})))

    assert "[database] url is no address of a database" == finding.text


def test_the_shipped_rules_and_weights_are_right(tmp_path):
    rules = content.check_rule_folder(settings_in(tmp_path))
    weights = content.check_weights(load_cards())

    assert rules.ok, rules.text
    assert rules.text.startswith("shipped: ")
    assert rules.text.endswith(" tests passed")
    assert weights.ok, weights.text


def test_the_first_mistake_in_the_rules_is_told(tmp_path):
    (tmp_path / "a.yaml").write_text(
        "rules:\n- {name: a, match: {Modalty: CT}, stop: true}\n- {name: b, stop: true}\n"
    )
    finding = content.check_rule_folder(settings_in(tmp_path, rules={"folder": tmp_path}))

    assert finding.ok is False
    assert "a.yaml:2: rule a: no attribute is called Modalty" in finding.text
    assert finding.text.endswith("(and 1 more)")


def test_weights_that_are_absent_or_changed_are_named(tmp_path):
    with_weights = next(card for card in load_cards().values() if card.weights)
    shutil.copy(with_weights.weights_path, tmp_path)
    copied = with_weights.model_copy(update={"folder": tmp_path})

    assert content.check_weights({"x": copied}).ok
    copied.weights_path.write_bytes(b"changed")
    changed = content.check_weights({"x": copied})
    copied.weights_path.unlink()
    absent = content.check_weights({"x": copied})

    assert changed.ok is False
    assert f"not the file that the card {copied.name} names" in changed.text
    assert f"{copied.weights.file}: No such file or directory" in absent.text


def test_a_free_port_and_a_port_in_use(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        used = network.check_port("web port", "127.0.0.1", port)
    free = network.check_port("web port", "127.0.0.1", port)

    assert used.ok is False
    assert f"127.0.0.1:{port} is used by another program: stop it or choose another port" == (
        used.text
    )
    assert f"127.0.0.1:{port} is free" == free.text


def test_an_address_of_another_computer_is_a_fault():
    finding = network.check_port("receive port", "192.0.2.1", 11112)

    assert "192.0.2.1:11112 is no address of this computer" == finding.text


@contextmanager
def a_scp(tmp_path, **sections) -> Iterator[int]:
    settings = settings_in(tmp_path, **sections)
    scp = StorageScp(settings, HeardIntake())
    _host, port = scp.start()
    try:
        yield port
    finally:
        scp.stop(0)


@contextmanager
def a_locked(folder: Path) -> Iterator[None]:
    """As a node has it that runs there."""
    folder.mkdir(exist_ok=True)
    lock = lock_data_folder(folder)
    try:
        yield
    finally:
        os.close(lock)


def test_a_running_node_holds_its_own_port(tmp_path):
    with a_scp(tmp_path) as port, a_locked(tmp_path / "data"):
        findings = network.check(settings_in(tmp_path, receive={"port": port}))
        finding = next(one for one in findings if one.name == "receive port")

    assert f"127.0.0.1:{port} is served by the running node" == finding.text
    assert finding.ok


@pytest.mark.parametrize("made", [False, True])
def test_a_port_that_the_node_of_another_folder_holds_is_a_fault(tmp_path, made):
    """It answers just as ours would, even to our AE title."""
    if made:
        with a_locked(tmp_path / "data"):
            pass
    with a_scp(tmp_path) as port, a_locked(tmp_path / "other"):
        findings = network.check(settings_in(tmp_path, receive={"port": port}))
        finding = next(one for one in findings if one.name == "receive port")

    assert finding.ok is False
    assert finding.text.startswith(f"127.0.0.1:{port} is used by another node")


def test_a_served_port_is_no_fault_where_the_folder_is_another_accounts():
    finding = network.check_served_port("receive port", "127.0.0.1:1", runs=None)

    assert finding.ok is None


def test_looking_whether_a_folder_is_in_use_keeps_no_node_out(tmp_path):
    assert is_in_use(tmp_path) is False
    with a_locked(tmp_path):
        assert is_in_use(tmp_path) is True
    assert is_in_use(tmp_path) is False
    with a_locked(tmp_path):
        pass


def test_a_running_page_holds_its_own_port(tmp_path):
    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<title>dicom-node</title>")

        def log_message(self, *args):
            pass

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        settings = settings_in(tmp_path, web={"port": server.server_port})
        (another,) = (one for one in network.check(settings) if one.name == "web port")
        with a_locked(tmp_path / "data"):
            (finding,) = (one for one in network.check(settings) if one.name == "web port")
        server.shutdown()
        thread.join()

    assert f"127.0.0.1:{server.server_port} is served by the running node" == finding.text
    assert another.ok is False


# pynetdicom drops the socket of a refused connection unclosed; it goes with the collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_peers_are_asked_by_c_echo(tmp_path):
    settings = settings_in(tmp_path)
    with a_scp(tmp_path) as port:
        peer = PeerSection(ae_title="ANY", host="127.0.0.1", port=port)
        there = network.check_peer("pacs", peer, settings)
    gone = network.check_peer("pacs", peer, settings)
    gc.collect()
    sender = network.check_peer("ct", PeerSection(ae_title="CT1"), settings)

    assert f"ANY at 127.0.0.1:{port} answers C-ECHO" == there.text
    assert there.ok
    assert gone.ok is False
    assert "does not answer" in gone.text
    assert sender.ok is None


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca") / "ca")


@pytest.fixture
def certificate(authority, tmp_path) -> tuple[Path, Path]:
    issued = authority.issue("node", days=90)
    return tuple(
        Path(shutil.copy(path, tmp_path / f"node{path.suffix}"))
        for path in (issued.certificate, issued.key)
    )


def test_a_certificate_holds_for_so_many_days(certificate):
    now = datetime.now(UTC)
    finding = certificates.check_certificate(*certificate, now)
    soon = certificates.check_certificate(*certificate, now + timedelta(days=80))

    assert finding.ok
    assert f"holds until {now + timedelta(days=90):%Y-%m-%d}, 89 days" == finding.text
    assert soon.ok is None


def test_an_expired_certificate_is_a_fault(authority):
    expired = authority.issue("old", days=-1)
    finding = certificates.check_certificate(expired.certificate, expired.key, NOW)

    assert finding.ok is False
    assert "certificate has expired" in finding.text


def test_a_certificate_without_its_key_is_a_fault(authority, certificate, tmp_path):
    path, key = certificate
    other = authority.issue("other").key

    assert certificates.check_certificate(path, other, NOW).ok is False
    assert f"{tmp_path}/absent.key is not there" == (
        certificates.check_certificate(path, tmp_path / "absent.key", NOW).text
    )
    key.write_text("no key")
    assert "are not a PEM certificate and its key" in (
        certificates.check_certificate(path, key, NOW).text
    )


def with_tls(tmp_path, authority, certificate, **tls) -> Settings:
    path, key = certificate
    ca = Path(shutil.copy(authority.certificate, tmp_path / "ca.crt"))
    return settings_in(tmp_path, tls={"certificate": path, "key": key, "ca": ca, **tls})


def test_certificate_and_ca_of_tls_are_looked_at(tmp_path, authority, certificate):
    settings = with_tls(tmp_path, authority, certificate)

    assert [("tls certificate", True), ("tls ca", True)] == [
        (one.name, one.ok) for one in certificates.check(settings)
    ]
    settings.tls.ca.write_text("nothing")
    finding = list(certificates.check(settings))[-1]
    assert (finding.ok, f"[tls] ca = {settings.tls.ca} holds no PEM certificate") == (
        False,
        finding.text,
    )


def test_a_running_node_holds_its_tls_port_and_sees_no_failed_handshake(
    tmp_path, authority, certificate
):
    settings, intake = with_tls(tmp_path, authority, certificate, port=0), HeardIntake()
    scp = StorageScp(settings, intake)
    scp.start()
    try:
        plain, tls = scp.listening
        running = with_tls(tmp_path, authority, certificate, port=tls.port).model_dump()
        running["receive"]["port"] = plain.port
        findings = {one.name: one for one in network.check(Settings.model_validate(running))}
    finally:
        scp.stop(0)

    used = "is used by another node, with another data folder: stop it or choose another port"
    assert f"127.0.0.1:{tls.port} {used}" == findings["tls port"].text
    assert [] == intake.rejections
