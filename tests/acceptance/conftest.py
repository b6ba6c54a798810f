"""An option of the acceptance tests."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where the table of sets x judges is written."""
    parser.addoption("--judges-table", type=Path, metavar="FILE", help="write sets x judges here")
