"""The text of deploy/node.example.toml, made from the settings themselves.

python -m tests.unit.example_toml > deploy/node.example.toml
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from dicom_node.config import Settings
from dicom_node.config.load import NAMED

HEAD = """\
# Every setting of dicom-node. A line that is commented out shows the default.
# Start with it: dicom-node serve --config node.toml
# Check it:      dicom-node doctor --config node.toml
# A setting can also come from the environment: DICOM_NODE_RECEIVE__PORT=11112
"""
# What is shown for settings that have no default.
NAMES = {
    "peers": "pacs", "profiles": "reading_room", "repositories": "hospital", "research": "lung",
    "titles": "archive",
}  # fmt: skip
EXAMPLES = {
    "peers": {
        "ae_title": "PACS",
        "host": "192.0.2.10",
        "port": 104,
        "is_destination": True,
        "settle_after_s": 5.0,
        "max_associations": 8,
        "max_object_mb": 512,
        "max_mb_per_s": 20.0,
        "idle_timeout_s": 30.0,
    },
    "receive": {"disk_pause_mb": 6144},
    "research": {"key_file": "lung.key"},
    "titles": {"ae_title": "ARCHIVE", "settle_after_s": 5.0},
    "tls": {"certificate": "dicom.crt", "key": "dicom.key", "ca": "peers-ca.crt"},
    "rules": {"folder": "rules"},
    "repositories": {
        "host": "192.0.2.20",
        "port": 6514,
        "ca": "repository-ca.crt",
        "certificate": "node.crt",
        "key": "node.key",
    },
    "trail": {
        "key_file": "audit.key",
        "anchor_file": "audit.anchor",
        "archive_folder": "audit-archive",
    },
    "web": {"tls_certificate": "node.crt", "tls_key": "node.key"},
}


def render() -> str:
    """The whole file."""
    lines = [HEAD]
    for name, field in Settings.model_fields.items():
        section = NAMED.get(name, field.annotation)
        title = f"# [{name}.{NAMES[name]}]" if name in NAMED else f"[{name}]"
        heading = section.__doc__.partition(": ")[2].strip()
        lines += [f"# {heading[0].upper()}{heading[1:]}", title]
        lines += [*_fields(section, EXAMPLES.get(name, {})), ""]
    return "\n".join(lines).rstrip() + "\n"


def _fields(section: type[BaseModel], examples: dict[str, object]) -> Iterator[str]:
    for name, field in section.model_fields.items():
        value = examples.get(name, field.default)
        assert value is not PydanticUndefined, f"{name} has no default and no example"
        unset = " (an example: not set by default)" if field.default is None else ""
        line = f"# {name} = {json.dumps(value, default=str, ensure_ascii=False)}"
        yield f"{line:<40}  # {field.description}{unset}"


if __name__ == "__main__":
    sys.stdout.write(render())
