"""The admin page, really served, and people with browsers who visit it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
from sqlalchemy import select

from dicom_node.config import Settings
from dicom_node.web.app import create_app
from dicom_node.web.auth.accounts import add_account
from dicom_node.web.serve import serve
from storage.db.engine import Database
from storage.db.tables import Audit
from storage.files.local import LocalStore
from tests.databases import opened

PASSWORD = "a horse in the reading room"
CARDS = {
    "ct-denoise": SimpleNamespace(
        title="CT noise reduction",
        version="1.0.0",
        kind="enhance",
        method="network",
        intended_use="Less noise.",
        not_for="Diagnosis.",
        limits=SimpleNamespace(modalities=["CT"]),
    )
}


@dataclass
class Page:
    """The served page and what is behind it."""

    url: str
    db: Database
    store: LocalStore
    settings: Settings
    visitors: list[Visitor] = field(default_factory=list)

    def visitor(self, login: str = "", role: str = "viewer") -> Visitor:
        """A browser; logged in to a new account of that role where a login name is given."""
        visitor = Visitor(self.url)
        self.visitors.append(visitor)
        if login:
            self.add_account(login, role)
            assert visitor.log_in(login).status_code == 303
        return visitor

    def add_account(self, login: str, role: str) -> None:
        add_account(self.db, login=login, password=PASSWORD, role=role, actor="test")

    def trail(self, event: str = "") -> list[Audit]:
        """The audit rows, oldest first; those of one event if given."""
        with self.db.read() as session:
            rows = session.scalars(select(Audit).order_by(Audit.seq)).all()
        return [row for row in rows if not event or row.event == event]


class Visitor(httpx.Client):
    """A browser that keeps cookies, follows no redirect and sends forms as pages make them."""

    def __init__(self, url: str, **options: Any) -> None:
        super().__init__(base_url=url, trust_env=False, timeout=30, **options)

    def log_in(self, login: str, password: str = PASSWORD) -> httpx.Response:
        return self.send_form("/login", "/login", name=login, password=password)

    def send_form(self, page: str, action: str, **fields: str) -> httpx.Response:
        """POST to `action` with the CSRF token that `page` carries."""
        token = csrf_of(self.get(page).text)
        return self.post(action, data={"csrf": token, **fields})


def csrf_of(html: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', html)
    assert found, "the page has no form"
    return found.group(1)


def view_of(html: str) -> str:
    """The audit row of the view that a study's page belongs to."""
    found = re.search(r"view=(\d+)", html)
    assert found, "the page belongs to no view"
    return found.group(1)


@contextmanager
def a_page(folder: Path, template: Path, **web: Any) -> Iterator[Page]:
    """A page on a free port over an empty SQLite database."""
    shutil.copyfile(template, folder / "node.db")
    settings = Settings.model_validate(
        {
            "node": {"data_folder": folder, "time_zone": "Europe/Berlin"},
            "receive": {"disk_reserve_mb": 0, "disk_warn_mb": 0},
            "web": {"port": 0, **web},
        }
    )
    with opened(settings.database_url, head_file=folder / "audit.head") as db:
        store = LocalStore(settings.store_folder)
        served = serve(create_app(db, store, settings, cards=CARDS), settings)
        page = Page(served.url, db, store, settings)
        try:
            yield page
        finally:
            for visitor in page.visitors:
                visitor.close()
            served.stop()
