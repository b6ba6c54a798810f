"""What the rest of the node knows of an engine: jobs go in, jobs are stopped, slots are served."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from dicom_node.jobs.slot import Slot
    from storage.db.tables import Job


class Engine(Protocol):
    """Sees to it that every queued job is given to `dicom_node.jobs.run.run_job`."""

    def enqueue(self, session: Session, job: Job) -> None:
        """Make a queued job's row known, inside the transaction that adds or requeues it."""

    def cancel(self, session: Session, job_id: int, *, actor: str = "node") -> None:
        """Cancel a queued or running job; what runs is killed once `session` has committed.

        Raises
        ------
        UnknownTransition
            The job has ended, or there is no such job.
        """

    def serve(self, slots: Sequence[Slot]) -> None:
        """Begin to run jobs in these slots and return."""

    def stop(self, grace_s: float) -> None:
        """Take no more jobs, let running ones end until the grace is over, then kill them."""
