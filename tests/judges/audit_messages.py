"""Whether audit messages are what the standard's schema and dcm4che's say they are.

``ps315.rnc`` is the schema printed in PS3.15 A.5.1; ``dcm4che.rnc`` and ``dcm4che.xsd`` are of
dcm4che 5 (NOTICE). RELAX NG is judged by jing, XSD by libxml2.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from lxml import etree

from tests.tools import program

SCHEMAS = Path(__file__).with_name("audit_schema")
MEDIA = ('csd-code="110106"', 'csd-code="110107"')  # AUD-03b: there the two schemas disagree


def errors_of(messages: Sequence[str], folder: Path) -> list[str]:
    """What the schemas say is wrong with the messages; each is written to a file of the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{number:05}.xml" for number in range(len(messages))]
    for file, message in zip(files, messages, strict=True):
        file.write_text(message, encoding="utf-8")
    narrow = [
        file
        for file, message in zip(files, messages, strict=True)
        if not any(f"<EventID {code}" in message for code in MEDIA)
    ]
    return [
        *_by_jing("ps315.rnc", files),
        *_by_jing("dcm4che.rnc", narrow),
        *_by_libxml2("dcm4che.xsd", narrow),
    ]


def _by_jing(schema: str, files: Sequence[Path]) -> list[str]:
    if not files:
        return []
    command = [program("jing", package="jing"), "-c", str(SCHEMAS / schema), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = (done.stdout + done.stderr).splitlines()
    lines = [line for line in said if not line.startswith("[warning] ")]  # of the Java libraries
    assert done.returncode == 0 or lines, "jing failed without a word"
    return lines


def _by_libxml2(schema: str, files: Sequence[Path]) -> list[str]:
    judge = etree.XMLSchema(etree.parse(SCHEMAS / schema))
    return [
        f"{file}: {error.message}"
        for file in files
        if not judge.validate(etree.parse(file))
        for error in judge.error_log
    ]
