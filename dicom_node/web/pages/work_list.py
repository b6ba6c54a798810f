"""What the lists of jobs and of deliveries have in common: renewed in place, and taking orders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Form, Query
from fastapi.responses import RedirectResponse, Response

from dicom_node.web.local_path import local_path
from dicom_node.web.render import Part, live
from storage.db.queries import work_lists
from storage.errors import StaleTransition, UnknownTransition

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy.orm import Session

    from dicom_node.web.auth.visits import Visit
    from dicom_node.web.site import Site
    from dicom_node.web.words import Word

PER_PAGE = 100
RENEW_EVERY_S = 3

State = Annotated[str, Query(max_length=16)]
Before = Annotated[int | None, Query(ge=1)]
Back = Annotated[str, Form(max_length=64)]


@dataclass(frozen=True, slots=True)
class WorkList:
    """One such list.

    Parameters
    ----------
    name : str
        Of its address, its template and its rows in there: ``jobs``.
    table : str
        What `work_lists.count_states` calls it: ``job``.
    words : dict of str to Word
        Its states.
    rows_of : callable
        One of the lists of `work_lists`.
    """

    name: str
    table: str
    words: dict[str, Word]
    rows_of: Callable[..., Sequence[Any]]

    def part(self, site: Site, visit: Visit, state: str, before: int | None) -> Part:
        """The newest rows of a state, or of all, older than row `before`."""
        state = state if state in self.words else ""
        with site.db.read() as session:
            rows = self.rows_of(session, limit=PER_PAGE + 1, state=state, before_id=before)
            counts = work_lists.count_states(session)[self.table]
        return live(
            site,
            f"parts/{self.name}.html",
            aside_template="parts/announcement.html",
            what=self.name.capitalize(),
            known=self.words,
            name=self.name,
            url=f"/{self.name}/lines?state={state}" + (f"&before={before}" if before else ""),
            every_s=RENEW_EVERY_S,
            visit=visit,
            next_id=rows[PER_PAGE - 1].id if len(rows) > PER_PAGE else None,
            state=state,
            counts=counts,
            waits_for_disk=site.disk.look().stops_jobs,
            **{self.name: rows[:PER_PAGE]},
        )

    def obey(
        self, site: Site, order: Callable[[Session], object], said: str, back: str
    ) -> Response:
        """The way back, where the page says what was done, or that the row had moved on."""
        try:
            with site.db.begin() as session:
                order(session)
        except (StaleTransition, UnknownTransition):
            said = "moved-on"
        return RedirectResponse(f"{local_path(back, f'/{self.name}')}?said={said}", 303)
