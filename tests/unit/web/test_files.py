"""What the page is made of: no script but its own files, nothing from elsewhere."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

import dicom_node.web

WEB = Path(dicom_node.web.__file__).parent
TEMPLATES = sorted((WEB / "templates").rglob("*.html"))
NOTICE = Path(__file__).parents[3] / "NOTICE"


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_hold_no_script_and_no_style_of_their_own(path):
    html = path.read_text(encoding="utf-8")

    assert [] == re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", html)


@pytest.mark.parametrize("path", [*TEMPLATES, WEB / "static/style.css", WEB / "static/viewer.js"])
def test_nothing_comes_from_elsewhere(path):
    text = path.read_text(encoding="utf-8")

    assert [] == re.findall(r"(?:https?:)?//[\w-]+\.\w+", text)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_every_form_that_changes_something_carries_the_token(path):
    html = path.read_text(encoding="utf-8")

    assert html.count('method="post"') == html.count('name="csrf"')


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_every_table_has_a_name_and_its_headers_a_scope(path):
    html = path.read_text(encoding="utf-8")

    assert html.count("<table") == html.count("<caption") + html.count('aria-label="Conditions of')
    assert [] == re.findall(r"<th(?![^>]*\bscope=)[\s>]", html)


def test_vendored_files_are_those_of_the_notice():
    notice = NOTICE.read_text(encoding="utf-8")
    vendored = [path for path in (WEB / "static/vendor").iterdir() if path.suffix == ".js"]

    assert vendored
    for path in vendored:
        assert path.name in notice
        assert hashlib.sha256(path.read_bytes()).hexdigest() in notice
        assert path.name.replace(".min.js", ".LICENSE") in notice
