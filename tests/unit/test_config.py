from __future__ import annotations

from pathlib import Path

import pytest

from dicom_node.config import Settings, is_loopback, load_settings
from dicom_node.config.load import NAMED
from dicom_node.errors import ConfigInvalid
from tests.unit.example_toml import render

EXAMPLE = Path(__file__).parents[2] / "deploy" / "node.example.toml"
PEER = "[peers.pacs]\nae_title = 'PACS'\n"


def load(tmp_path: Path, text: str, **environment: str) -> Settings:
    path = tmp_path / "node.toml"
    path.write_text(text, encoding="utf-8")
    return load_settings(path, {f"DICOM_NODE_{name}": value for name, value in environment.items()})


def mistakes(tmp_path: Path, text: str, **environment: str) -> list[str]:
    with pytest.raises(ConfigInvalid) as caught:
        load(tmp_path, text, **environment)
    return str(caught.value).replace(f"{tmp_path}/", "").splitlines()


def test_the_defaults_are_safe():
    settings = load_settings(None, {})

    assert ("DICOM_NODE", Path("dicom-node-data")) == (
        settings.node.ae_title,
        settings.node.data_folder,
    )
    assert ("127.0.0.1", 11112) == (settings.receive.host, settings.receive.port)
    assert ("127.0.0.1", 8180) == (settings.web.host, settings.web.port)
    assert settings.accepts_anyone
    assert [] == settings.default_destinations


def test_the_example_file_shows_every_setting_as_it_is():
    text = EXAMPLE.read_text(encoding="utf-8")

    assert render() == text, "python -m tests.unit.example_toml > deploy/node.example.toml"


def test_the_example_file_as_it_stands_gives_the_defaults():
    assert load_settings(None, {}) == load_settings(EXAMPLE, {})


def test_the_example_file_with_everything_switched_on_loads(tmp_path):
    text = EXAMPLE.read_text(encoding="utf-8")
    lines = [
        line.removeprefix("# ") if " = " in line or line.startswith("# [") else line
        for line in text.splitlines()
    ]
    settings = load(tmp_path, "\n".join(lines[5:]))

    assert ["pacs"] == settings.default_destinations
    assert Path("rules") == settings.rules.folder


def test_places_in_the_data_folder(tmp_path):
    settings = load(tmp_path, f"[node]\ndata_folder = '{tmp_path}/data'\n")

    assert f"sqlite:///{tmp_path}/data/node.db" == settings.database_url
    assert tmp_path / "data/store" == settings.store_folder
    assert tmp_path / "data/work" == settings.work_folder


def test_a_relative_data_folder_gives_an_absolute_database_address(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert f"sqlite:///{tmp_path}/dicom-node-data/node.db" == load_settings(None, {}).database_url


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[recieve]\n", "node.toml: [recieve]: no such section; did you mean [receive]?"),
        ("[zzz]\n", "node.toml: [zzz]: no such section"),
        ("[receive]\nprot = 1\n", "node.toml: [receive] prot: no such setting; did you mean port?"),
        ("[receive]\nqq = 1\n", "node.toml: [receive] qq: no such setting"),
        (
            PEER + "hots = 'x'\n",
            "node.toml: [peers.pacs] hots: no such setting; did you mean host?",
        ),
        (
            "receive = 5\n",
            "node.toml: [receive]: this is a section: write [receive] and its settings",
        ),
        (
            "[peers]\npacs = 3\n",
            "node.toml: [peers.pacs]: this is a section: write [peers.pacs] and its settings",
        ),
        (
            "x\n",
            "node.toml: not TOML: Expected '=' after a key in a key/value pair (at line 1, "
            "column 2)",
        ),
        ("[peers.pacs]\n", "node.toml: [peers.pacs] ae_title: field required"),
        (
            "[peers.'a b']\nae_title = 'X'\n",
            "node.toml: [peers.a b]: a peer's name has letters, digits, - and _, at most 64",
        ),
        (
            "[peers.'']\nae_title = 'X'\n",
            "node.toml: [peers.]: a peer's name has letters, digits, - and _, at most 64",
        ),
        (
            PEER + "is_destination = true\n",
            "node.toml: [peers.pacs]: a destination needs host and port",
        ),
        (
            "[node]\nae_title = 'SEVENTEEN_LETTERS'\n",
            "node.toml: [node] ae_title: an AE title has 1 to 16 plain ASCII characters and no "
            "backslash",
        ),
        (
            "[node]\nae_title = ' '\n",
            "node.toml: [node] ae_title: an AE title has 1 to 16 plain ASCII characters and no "
            "backslash",
        ),
        (
            "[node]\nae_title = 'KÖLN'\n",
            "node.toml: [node] ae_title: an AE title has 1 to 16 plain ASCII characters and no "
            "backslash",
        ),
        (
            "[node]\ninstitution_name = 'a\\b'\n",
            "node.toml: [node] institution_name: a DICOM text value has no backslash and no "
            "control characters",
        ),
        (
            "[node]\ntime_zone = 'Europe/Berln'\n",
            "node.toml: [node] time_zone: no time zone is called 'Europe/Berln'",
        ),
        (
            "[node]\ntime_zone = '/etc/passwd'\n",
            "node.toml: [node] time_zone: no time zone is called '/etc/passwd'",
        ),
        (
            "[receive]\nport = 65536\n",
            "node.toml: [receive] port: input should be less than or equal to 65535",
        ),
        (
            "[receive]\nport = 'x'\n",
            "node.toml: [receive] port: input should be a valid integer, unable to parse string as "
            "an integer",
        ),
        (
            "[receive]\nsettle_after_s = inf\n",
            "node.toml: [receive] settle_after_s: input should be a finite number",
        ),
        (
            "[receive]\ndisk_warn_mb = 1\n",
            "node.toml: [receive]: disk_warn_mb is below disk_reserve_mb: the warning would come "
            "too late",
        ),
        (
            "[receive]\ndisk_pause_mb = 1\n",
            "node.toml: [receive]: disk_pause_mb is not between disk_reserve_mb and disk_warn_mb",
        ),
        (
            "[deliver]\nlongest_retry_s = 1\n",
            "node.toml: [deliver]: longest_retry_s is shorter than first_retry_s",
        ),
        (
            "[database]\nurl = 'mysql://u:secret@h/x'\n",
            "node.toml: [database] url: write sqlite:///FILE or "
            "postgresql+psycopg://USER@HOST/DATABASE",
        ),
        (
            "[jobs]\nslots = ['cpu', 'gpu']\n",
            'node.toml: [jobs] slots 2: a slot is "auto", "cpu" or "cuda:0", not \'gpu\'',
        ),
        ("[jobs]\nslots = ['auto', 'cpu']\n", 'node.toml: [jobs] slots: "auto" stands alone'),
        (
            "[jobs]\nslots = []\n",
            "node.toml: [jobs] slots: list should have at least 1 item after validation, not 0",
        ),
        (
            "[jobs]\nretry_after_s = [-1]\n",
            "node.toml: [jobs] retry_after_s 1: input should be greater than or equal to 0",
        ),
        (
            "[results]\nuid_namespace = 'x'\n",
            "node.toml: [results] uid_namespace: not a UUID such as "
            "6ba7b811-9dad-11d1-80b4-00c04fd430c8",
        ),
        (
            "[results]\nimage_type_2 = 'PRIMARY'\n",
            "node.toml: [results] image_type_2: input should be 'SECONDARY' or 'SOURCE'",
        ),
        (
            "[web]\ntls_key = 'x'\n",
            "node.toml: [web]: tls_certificate and tls_key go together",
        ),
        (
            "[web]\nport = 11112\n",
            "node.toml: [receive] and [web] both want port 11112",
        ),
        (
            "[log]\nlevel = 'loud'\n",
            "node.toml: [log] level: input should be 'debug', 'info', 'warning' or 'error'",
        ),
    ],
)
def test_a_wrong_setting_is_named_in_plain_words(tmp_path, text, expected):
    assert [expected] == mistakes(tmp_path, text)


def test_every_wrong_setting_is_named_at_once(tmp_path):
    assert 2 == len(mistakes(tmp_path, "[receive]\nport = -1\nreceivers = 0\n"))


def test_a_password_in_a_wrong_database_address_is_not_repeated(tmp_path):
    assert "secret" not in str(mistakes(tmp_path, "[database]\nurl = 'mysql://u:secret@h/x'\n"))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigInvalid, match=r"absent.toml: No such file or directory$"):
        load_settings(tmp_path / "absent.toml", {})


def test_a_file_that_is_not_text_is_named(tmp_path):
    (tmp_path / "node.toml").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(ConfigInvalid, match=r"node.toml: not UTF-8 text$"):
        load_settings(tmp_path / "node.toml", {})


def test_config_invalid_ends_with_exit_code_2():
    assert 2 == ConfigInvalid.exit_code


def test_the_environment_wins_over_the_file(tmp_path):
    settings = load(
        tmp_path,
        "[receive]\nport = 1\n" + PEER,
        RECEIVE__PORT="11113",
        RESULTS__RESEARCH_USE="false",
        NODE__AE_TITLE="1234",
        JOBS__SLOTS='["cuda:0", "cuda:1"]',
        PEERS__PACS__HOST="pacs.example",
        PEERS__SECOND__AE_TITLE="SECOND",
        RULES__FOLDER="rules",
    )

    assert 11113 == settings.receive.port
    assert not settings.results.research_use
    assert "1234" == settings.node.ae_title
    assert ["cuda:0", "cuda:1"] == settings.jobs.slots
    assert "pacs.example" == settings.peers["pacs"].host
    assert "SECOND" == settings.peers["second"].ae_title
    assert Path("rules") == settings.rules.folder


def test_other_variables_of_that_beginning_are_left_alone(tmp_path):
    assert load_settings(None, {}) == load(tmp_path, "", SAMPLES="/somewhere", CONFIG="x")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        (
            {"RECEIVE__PROT": "1"},
            "DICOM_NODE_RECEIVE__PROT: [receive] prot: no such setting; did you mean port?",
        ),
        (
            {"RECIEVE__PORT": "1"},
            "DICOM_NODE_RECIEVE__PORT: [recieve]: no such section; did you mean [receive]?",
        ),
        (
            {"RECEIVE__PORT": "x"},
            "DICOM_NODE_RECEIVE__PORT: [receive] port: input should be a valid integer, unable to "
            "parse string as an integer",
        ),
        (
            {"JOBS__SLOTS": "cpu"},
            "DICOM_NODE_JOBS__SLOTS: [jobs] slots: input should be a valid list",
        ),
        (
            {"JOBS__SLOTS": '["cpu"'},
            'DICOM_NODE_JOBS__SLOTS: a list is written like ["cuda:0", "cuda:1"]',
        ),
        (
            {"RECEIVE__PORT": "1", "RECEIVE__PORT__DEEPER": "1"},
            "DICOM_NODE_RECEIVE__PORT__DEEPER: port is no section",
        ),
    ],
)
def test_a_wrong_variable_is_named(tmp_path, environment, expected):
    assert [expected] == mistakes(tmp_path, "", **environment)


def test_an_open_receiver_needs_named_peers(tmp_path):
    (line,) = mistakes(tmp_path, "[receive]\nhost = '0.0.0.0'\n")

    assert "open to the network: name the peers that may send" in line
    assert not load(tmp_path, "[receive]\nhost = '0.0.0.0'\n" + PEER).accepts_anyone


def test_a_named_peer_ends_the_open_house_on_loopback_too(tmp_path):
    assert not load(tmp_path, PEER).accepts_anyone


@pytest.mark.parametrize(
    "more", ["behind_proxy = true\n", "tls_certificate = 'a'\ntls_key = 'b'\n"]
)
def test_an_open_page_needs_tls_or_a_proxy(tmp_path, more):
    (line,) = mistakes(tmp_path, "[web]\nhost = '::'\n")

    assert "open to the network: set tls_certificate and tls_key, or behind_proxy = true" in line
    assert "::" == load(tmp_path, "[web]\nhost = '::'\n" + more).web.host


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("", False),
        ("192.0.2.1", False),
        ("localhost.example", False),
    ],
)
def test_what_only_this_machine_can_reach(host, expected):
    assert expected == is_loopback(host)


def test_port_0_may_be_asked_for_twice(tmp_path):
    load(tmp_path, "[receive]\nport = 0\n[web]\nport = 0\n")


def test_results_go_to_the_peers_that_are_destinations(tmp_path):
    text = (
        "[peers.a]\nae_title = 'A'\n"
        "[peers.b]\nae_title = 'B'\nhost = 'b'\nport = 104\nis_destination = true\n"
    )

    assert ["b"] == load(tmp_path, text).default_destinations


def test_every_setting_says_what_it_means():
    sections = [NAMED.get(name, field.annotation) for name, field in Settings.model_fields.items()]
    silent = [
        f"{section.__name__}.{name}"
        for section in sections
        for name, field in section.model_fields.items()
        if not field.description
    ]

    assert silent == []


TLS = "[tls]\ncertificate = 'a'\nkey = 'b'\nca = 'c'\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[tls]\ncertificate = 'a'\n", "[tls]: certificate and key go together"),
        (
            "[tls]\ncertificate = 'a'\nkey = 'b'\n",
            "[tls]: peers' certificates are checked against ca: set it, or "
            'client_certificate = "none"',
        ),
        (
            "[receive]\nplain = false\n",
            "[receive] plain = false leaves no port: set [tls] certificate and key",
        ),
        (
            "[titles.two]\nae_title = 'DICOM_NODE'\n",
            "AE title DICOM_NODE is given to this node twice: see [node], [titles.*]",
        ),
        (
            PEER + "[titles.two]\nae_title = 'TWO'\ndestinations = ['pacs']\n",
            "[titles.two] destinations: pacs is no peer with host and port",
        ),
        (
            PEER + "called_ae_titles = ['TWO']\n",
            "[peers.pacs] called_ae_titles: TWO is no AE title of this node",
        ),
        (
            PEER + "profile = 'ortanc'\n[profiles.mine]\n",
            "[peers.pacs] profile: no profile is called 'ortanc'; known are dcm4chee, generic, "
            "mine, ohif, orthanc, weasis",
        ),
        (
            "[profiles.mine]\nkinds = ['seg', 'seg']\n",
            "[profiles.mine] kinds: names something twice",
        ),
        (
            "[profiles.mine]\nkinds = ['labelmap']\nsplit_segments = true\n",
            "[profiles.mine]: split_segments is of seg, which kinds does not name",
        ),
        (
            "[profiles.mine]\nleave_out_classes = ['SEG']\n",
            "[profiles.mine] leave_out_classes 1: a SOP class is a UID such as "
            "1.2.840.10008.5.1.4.1.1.66.4, not 'SEG'",
        ),
        (
            PEER + "certificate = 'pacs.example'\n",
            "[peers.pacs] certificate: no certificate of a peer is ever asked for, see [tls]",
        ),
        (
            PEER + "networks = ['10.1.2.3/16']\n",
            "[peers.pacs] networks 1: a network is written like 10.1.0.0/16, not '10.1.2.3/16'",
        ),
        (
            TLS + PEER + "certificate = 'sha256:1234'\n",
            "[peers.pacs] certificate: a fingerprint is sha256: and 64 hexadecimal digits",
        ),
        ("[receive]\nport = 2762\n" + TLS, "[receive] and [tls] both want port 2762"),
        (
            "[receive]\nmax_connections = 10\n",
            "[receive]: max_connections is below max_associations, which each need one",
        ),
        (
            "[titles.two]\nae_titel = 'TWO'\n",
            "[titles.two] ae_titel: no such setting; did you mean ae_title?",
        ),
    ],
)
def test_doors_that_do_not_fit_are_named(tmp_path, text, expected):
    assert f"node.toml: {expected}" in mistakes(tmp_path, text)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("", ': transport = "tls" needs ca, certificate and key: both sides show one'),
        ("transport = 'fhir'\nca = 'a'\n", ': transport = "fhir" needs ca, certificate and key'),
        ("transport = 'udp'\nport = 0\n", " port: "),
        ("transport = 'udp'\npath = 'fhir/'\n", " path: "),
        ("transport = 'tcp'\n", " transport: "),
    ],
)
def test_a_repository_that_cannot_be_told_is_named(tmp_path, values, expected):
    text = f"[repositories.arr]\nhost = 'arr.example'\n{values}"

    assert f"[repositories.arr]{expected}" in "".join(mistakes(tmp_path, text))


def test_a_repository_has_the_port_of_its_transport(tmp_path):
    files = "ca = 'a'\ncertificate = 'b'\nkey = 'c'\n"
    text = "".join(
        f"[repositories.{transport}]\nhost = 'arr'\ntransport = '{transport}'\n{files}"
        for transport in ("tls", "udp", "fhir")
    )
    repositories = load(tmp_path, text).repositories

    assert {"tls": 6514, "udp": 514, "fhir": 443} == {
        name: one.address[1] for name, one in repositories.items()
    }


def test_what_is_said_to_be_promiscuous_is_open_to_all(tmp_path):
    text = "[receive]\nhost = '0.0.0.0'\npromiscuous = true\n"

    assert load(tmp_path, text).accepts_anyone
    assert load(tmp_path, text + PEER).accepts_anyone


def test_a_port_of_tls_that_is_off_is_nobody_s(tmp_path):
    assert 2762 == load(tmp_path, "[receive]\nport = 2762\n").receive.port


def test_a_fingerprint_may_be_written_as_openssl_prints_it(tmp_path):
    printed = ":".join(["AB"] * 32)
    settings = load(tmp_path, TLS + PEER + f"certificate = 'SHA256:{printed}'\n")

    assert "sha256:" + "ab" * 32 == settings.peers["pacs"].certificate


def test_the_node_has_its_own_title_first(tmp_path):
    settings = load(tmp_path, "[titles.two]\nae_title = 'TWO'\n")

    assert ["DICOM_NODE", "TWO"] == settings.own_ae_titles


def test_a_peer_has_the_default_profile_a_shipped_one_or_one_of_the_site_s_own(tmp_path):
    text = (
        "[peers.a]\nae_title = 'A'\n"
        "[peers.b]\nae_title = 'B'\nprofile = 'ohif'\n"
        "[peers.c]\nae_title = 'C'\nprofile = 'mine'\n"
        "[peers.d]\nae_title = 'D'\nprofile = 'weasis'\n"
        "[profiles.mine]\nkinds = ['sr']\n[profiles.weasis]\nkinds = ['ko']\n"
    )
    settings = load(tmp_path, text)

    assert ["enhanced", "seg", "sr"] == settings.profile_of("a").kinds
    assert settings.profile_of("a") == settings.profile_of("nobody")
    assert "pm" in settings.profile_of("b").kinds
    assert (["sr"], ["ko"]) == (settings.profile_of("c").kinds, settings.profile_of("d").kinds)
