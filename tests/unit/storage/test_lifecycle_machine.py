"""A machine drives the tables as the node does, and crashes where it likes."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from storage.audit import AuditEvent, verify
from storage.db.engine import Database
from storage.db.tables import CommitmentRequest, Delivery, Job, Output, Study
from storage.errors import StaleTransition, UnknownTransition
from storage.lifecycle import TRANSITIONS, advance
from tests.unit.storage.rows import a_row

STARTS = {
    Study: "receiving", Job: "queued", Output: "produced", Delivery: "queued",
    CommitmentRequest: "queued",
}  # fmt: skip
FENCED = {Job, Delivery, CommitmentRequest}  # these have attempts
EVENTS = sorted({event for table in TRANSITIONS.values() for _, event in table})
AGAIN = {"claim", "start", "retry"}  # what makes attempts that others may then fence off
CRASHES = st.sampled_from(["never", "never", "before the move", "after the move"])


class Crash(Exception):
    """The process died: the transaction is rolled back."""


def crash_if(now: bool) -> None:
    if now:
        raise Crash


class Lifecycle(RuleBasedStateMachine):
    """Rows of the tables, each with its expected state, moved from fresh and stale views."""

    rows = Bundle("rows")
    template: Path

    @initialize()
    def open(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="lifecycle-"))
        shutil.copyfile(self.template, self.folder / "node.db")
        self.db = Database(f"sqlite:///{self.folder / 'node.db'}", head_file=self.folder / "head")
        self.states: dict[tuple[type, int], str] = {}
        self.attempts: Counter[tuple[type, int]] = Counter()
        self.views: dict[tuple[type, int], list[tuple[str, int]]] = {}
        self.published: Counter[int] = Counter()
        self.moves = 0

    @precondition(lambda self: len(self.states) < 4)  # few rows, so that each goes far
    @rule(target=rows, table=st.sampled_from(list(TRANSITIONS)))
    def add(self, table):
        with self.db.begin() as session:
            row = (table, a_row(session, table).id)
        self.states[row] = STARTS[table]
        self.views[row] = [(STARTS[table], 0)]
        return row

    @rule(row=rows, crash=CRASHES, data=st.data())
    def move(self, row, crash, data):
        table, row_id = row
        seen_state, seen_attempt = data.draw(st.sampled_from(self.views[row][::-1]), label="view")
        # Mostly an event that the state knows: chance alone would never get far down a table.
        known = [event for state, event in TRANSITIONS[table] if state == seen_state]
        again = [event for event in known if event in AGAIN]
        event = data.draw(st.sampled_from(again * 8 + known * 3 + EVENTS[::4]), label="event")
        fenced = table in FENCED
        is_current = seen_state == self.states[row] and (
            not fenced or seen_attempt == self.attempts[row]
        )
        new = TRANSITIONS[table].get((seen_state, event))
        attempt = seen_attempt + (event in {"claim", "start"})
        expected = UnknownTransition if new is None else None if is_current else StaleTransition
        if expected is None and crash != "never":
            expected = Crash

        happened = None
        try:
            with self.db.begin() as session:
                seen = session.merge(self.as_seen(row, seen_state, seen_attempt), load=False)
                crash_if(crash == "before the move" and expected is Crash)
                changes = {"attempt": attempt} if fenced else {}
                audit = AuditEvent(
                    "110100", "E", "node", event, subject=f"{table.__name__}:{row_id}"
                )
                advance(session, seen, event, audit=audit, **changes)
                crash_if(crash == "after the move")
        except (Crash, StaleTransition, UnknownTransition) as error:
            happened = type(error)

        assert expected == happened
        if happened is None:
            self.states[row] = new
            self.attempts[row] = attempt
            self.views[row] = [*self.views[row], (new, attempt)][-6:]
            self.moves += 1
            self.published[row_id] += event == "publish"

    def as_seen(self, row, state: str, attempt: int):
        """The row as a process saw it that read it some time ago."""
        table, row_id = row
        with self.db.read() as session:
            seen = session.get(table, row_id)
        vars(seen)["state"] = state
        if table in FENCED:
            vars(seen)["attempt"] = attempt
        return seen

    @invariant()
    def every_row_is_where_the_table_led_it(self):
        with self.db.read() as session:
            for (table, row_id), state in self.states.items():
                row = session.get(table, row_id)
                assert row.state == state
                assert row.state == STARTS[table] or row.state in TRANSITIONS[table].values()

    @invariant()
    def each_move_has_one_audit_row(self):
        assert self.moves == verify(self.db, self.db.head_file)

    @invariant()
    def at_most_one_attempt_publishes(self):
        assert set(self.published.values()) <= {0, 1}

    def teardown(self):
        if hasattr(self, "db"):
            self.db.close()
            shutil.rmtree(self.folder)


def test_no_crash_and_no_stale_view_leads_outside_the_tables(sqlite_template):
    class OnTemplate(Lifecycle):
        template = sqlite_template

    run_state_machine_as_test(
        OnTemplate,
        settings=settings(
            max_examples=15, stateful_step_count=60, deadline=None,
            phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink takes minutes
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )  # fmt: skip
