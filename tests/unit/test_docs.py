"""What a user may set, type, write or read must be in the docs."""

from __future__ import annotations

import ast
import importlib
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
import yaml

from dicom_node.config import Settings, load_settings
from dicom_node.config.load import NAMED
from dicom_node.config.profiles import ProfileSection, Syntax, Taken, shipped_profiles
from dicom_node.errors import NodeError
from dicom_node.intake.header import ROUTING_KEYWORDS
from dicom_node.net.handshake_words import BY_CODE, BY_REASON
from dicom_node.net.status import Status
from dicom_node.net.transcoding import SYNTAXES
from dicom_node.routing.check import check_rules
from dicom_node.routing.conditions import WORDS
from dicom_node.routing.rule_set import Known
from dicom_node.routing.rule_shape import RuleModel, StepModel
from pipelines.registry import load_cards
from storage.lifecycle import TRANSITIONS

# What no admin can mend: the sentence says all.
RARE = {
    "its certificate is damaged: the CA's signature does not fit",
    "a certificate that signed its certificate is no CA's",
    "it offers none of TLS 1.2 and 1.3",
    "no signature algorithm in common",
    "no key exchange in common",
    "it speaks no TLS: it seems to be a web browser",
    "it speaks no TLS that this node knows",
    "it broke the handshake off: nothing in common",
}
ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SETTINGS = [
    (name, NAMED.get(name, field.annotation)) for name, field in Settings.model_fields.items()
]


def text(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def section_of(document: str, heading: str) -> str:
    return document.partition(f"\n{heading}\n")[2].partition("\n## ")[0]


def blocks(document: str, language: str) -> list[str]:
    return [part.partition("\n```")[0] for part in document.split(f"```{language}\n")[1:]]


@pytest.mark.parametrize(("name", "section"), SETTINGS)
def test_every_setting_is_documented_with_its_default(name, section):
    heading = f"## [{name}.NAME]" if name in NAMED else f"## [{name}]"
    rows = section_of(text("configuration.md"), heading).splitlines()
    wanted = {
        f"| `{setting}` | "
        + ("none" if field.default is None else f"`{json.dumps(field.default, default=str)}`")
        for setting, field in section.model_fields.items()
        if not field.is_required()
    }

    assert set() == {row for row in wanted if not any(line.startswith(row) for line in rows)}
    assert all(f"| `{setting}` |" in "\n".join(rows) for setting in section.model_fields)


def test_no_setting_is_documented_that_does_not_exist():
    before_commands = text("configuration.md").partition("\n## Commands")[0]
    documented = {
        line.split("`")[1] for line in before_commands.splitlines() if line.startswith("| `")
    }
    real = {setting for _name, section in SETTINGS for setting in section.model_fields}

    assert set() == documented - real


def commands() -> Iterator[str]:
    import typer

    cli = importlib.import_module("dicom_node.cli")
    top = typer.main.get_command(cli.app)
    for name, command in top.commands.items():
        below = getattr(command, "commands", {})
        yield from (
            (f"dicom-node {name} {one}" for one in below) if below else (f"dicom-node {name}",)
        )


def test_every_command_is_documented():
    section = section_of(text("configuration.md"), "## Commands")

    assert [] == [command for command in commands() if f"`{command}" not in section]


def test_no_command_is_documented_that_does_not_exist():
    section = section_of(text("configuration.md"), "## Commands")
    real = {*commands(), "dicom-node --version"}
    documented = [line.split("`")[1] for line in section.splitlines() if line.startswith("| `")]

    assert [] == [
        command
        for command in documented
        if not any(command == one or command.startswith(f"{one} ") for one in real)
    ]


def test_the_shipped_profiles_are_documented_as_they_are():
    section = section_of(text("profiles.md"), "## The shipped ones")
    head, _rule, *rows = [line for line in section.splitlines() if line.startswith("|")][:7]
    settings = [cell.strip(" `") for cell in head.strip("|").split("|")][1:]
    said = {
        cells[0].strip(" `"): [cell.replace("`", "").strip() for cell in cells[1:]]
        for cells in (row.strip("|").split("|") for row in rows)
    }

    def shown(value: object) -> str:
        return ", ".join(value) if isinstance(value, list) else json.dumps(value)

    assert {*settings, "leave_out_classes"} == set(ProfileSection.model_fields)
    assert said == {
        name: [shown(getattr(profile, setting)) for setting in settings]
        for name, profile in shipped_profiles().items()
    }
    assert not any(profile.leave_out_classes for profile in shipped_profiles().values())


def test_every_choice_of_a_shipped_profile_has_its_reason_beside_it():
    for name in shipped_profiles():
        lines = (ROOT / "dicom_node/config/viewers" / f"{name}.toml").read_text().splitlines()
        chosen = [number for number, line in enumerate(lines) if line[:1].isalpha()]
        assert all(lines[number - 1].startswith("# ") for number in chosen), name


def test_every_kind_and_transfer_syntax_is_documented():
    document = text("profiles.md")

    for word in (*get_args(Taken), *get_args(Syntax)):
        assert f"\n| `{word}` |" in document
    assert set(get_args(Syntax)) == set(SYNTAXES)


def test_every_word_of_a_rule_is_documented():
    document = text("rules.md")
    keys = {*RuleModel.model_fields, *StepModel.model_fields, *WORDS, "any_of"}

    assert set() == {
        word for word in keys if f"`{word}" not in document and f"{word}:" not in document
    }


def test_the_attributes_that_rules_see_are_listed_and_no_others():
    section = section_of(text("rules.md"), "## Attributes")
    listed = {word for word in section.split("`")[1::2] if word[0].isupper()} - {"YES"}

    assert set(ROUTING_KEYWORDS) == listed


def test_every_pipeline_is_listed():
    section = section_of(text("rules.md"), "## Pipelines")

    assert set(load_cards()) == {word for word in section.split("`")[1::2] if "-" in word}


@pytest.mark.parametrize("table", TRANSITIONS, ids=lambda table: table.__tablename__)
def test_every_state_is_explained(table):
    states = {state for state, _event in TRANSITIONS[table]} | set(TRANSITIONS[table].values())

    assert set() == {state for state in states if f"`{state}`" not in text("troubleshooting.md")}


def test_every_status_is_explained():
    document = text("troubleshooting.md")

    assert [] == [f"0x{one:04X}" for one in Status if f"| 0x{one:04X} |" not in document]


def test_every_reason_of_a_failed_handshake_is_explained():
    document = text("troubleshooting.md")
    said = {*BY_CODE.values(), *BY_REASON.values()} - RARE

    assert set() == {reason for reason in said if f"`{reason}`" not in document}


def test_every_exit_code_is_explained():
    kinds = {NodeError, *NodeError.__subclasses__()}
    document = text("troubleshooting.md")

    assert set() == {kind.exit_code for kind in kinds if f"| {kind.exit_code} |" not in document}


def refusal_codes() -> set[str]:
    """Every code that a pipeline refuses with, read from the source."""
    found = set()
    for path in sorted((ROOT / "pipelines").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "PipelineRefused":
                found |= _codes(node.args[0], tree)
    return found


def _codes(argument: ast.expr, tree: ast.Module) -> set[str]:
    if isinstance(argument, ast.Constant):
        return {argument.value}
    # A variable: its values stand in a table of the same module.
    tables = [node for node in ast.walk(tree) if isinstance(node, ast.Dict)]
    assert tables, f"the codes of {ast.unparse(argument)} cannot be found"
    values = (value for table in tables for value in table.values)
    return {value.value for value in values if isinstance(value, ast.Constant)}


def test_every_refusal_is_explained():
    document = section_of(text("troubleshooting.md"), "## A job does not succeed")

    assert set() == {code for code in refusal_codes() if f"`{code}`" not in document}


@pytest.mark.parametrize(
    "name",
    ["audit.md", "commitment.md", "configuration.md", "install.md", "network.md", "profiles.md",
     "../README.md"],
)  # fmt: skip
def test_every_configuration_shown_loads(name, tmp_path):
    for number, block in enumerate(blocks(text(name), "toml")):
        path = tmp_path / f"{number}.toml"
        path.write_text(block, encoding="utf-8")

        load_settings(path, {})


def test_every_rule_shown_is_right(tmp_path):
    shown = [yaml.safe_load(block) for block in blocks(text("rules.md"), "yaml")]
    rule_files = [tree for tree in shown if isinstance(tree, dict) and "rules" in tree]
    assert len(rule_files) >= 2
    for number, tree in enumerate(rule_files):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "10-mine.yaml").write_text(yaml.safe_dump(tree), encoding="utf-8")

        known = Known(load_cards(), [], ROUTING_KEYWORDS)
        assert [] == check_rules(folder, known).mistakes


def test_the_rule_test_shown_passes_with_the_rule_shown(tmp_path):
    shown = blocks(text("rules.md"), "yaml")
    (tmp_path / "tests").mkdir()
    rules = [block for block in shown if block.startswith("rules:") and "any_of" in block]
    (tmp_path / "10-mine.yaml").write_text(rules[0], encoding="utf-8")
    tests = [block for block in shown if block.startswith("tests:")]
    (tmp_path / "tests" / "mine.yaml").write_text(tests[0], encoding="utf-8")

    checked = check_rules(tmp_path, Known(load_cards(), [], ROUTING_KEYWORDS))

    assert ([], 2) == (checked.mistakes, checked.passed)


def test_every_event_that_the_node_records_is_documented():
    rows = {line.split()[1] for line in text("audit.md").splitlines() if line.startswith("| 11")}
    recorded = {
        word
        for path in (ROOT / "dicom_node").rglob("*.py")
        if path.name not in ("codes.py", "words.py")  # which name others, too
        for word in re.findall(r'"(1101(?:0\d|1[0-4]))"', path.read_text(encoding="utf-8"))
    }

    assert recorded == rows


def test_every_json_shown_is_json():
    for name in ("audit.md", "install.md"):
        assert [json.loads(block) for block in blocks(text(name), "json")]


def test_links_between_the_docs_lead_somewhere():
    dead = [
        f"{path.name}: {target}"
        for path in (*DOCS.rglob("*.md"), ROOT / "README.md")
        for part in path.read_text(encoding="utf-8").split("](")[1:]
        for target in [part.partition(")")[0].partition("#")[0]]
        if target and "://" not in target and not (path.parent / target).exists()
    ]

    assert dead == []


def test_the_example_of_the_readme_is_toml():
    assert all(tomllib.loads(block) for block in blocks(text("../README.md"), "toml"))
