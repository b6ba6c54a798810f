"""What a slot's child is asked to do for an attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicom_node.jobs.equipment import equipment_of
from dicom_node.jobs.series_numbers import taken_series_numbers
from dicom_node.jobs.wishes import wishes_of
from pipelines.request import RunRequest
from storage.db.queries.instances import current_files
from storage.db.queries.jobs import job_of, replaced_series_uid
from storage.errors import StaleTransition

if TYPE_CHECKING:
    from dicom_node.jobs.attempt import Attempt
    from dicom_node.jobs.bench import Bench


def request_of(attempt: Attempt, device: str, bench: Bench) -> RunRequest:
    """The job's pipeline on the files that its series has now.

    Dates come from the job, not from a clock, so that every attempt asks for the same bytes.
    """
    results = bench.settings.results
    with bench.db.read() as session:
        job = job_of(session, attempt.job_id)
        if job is None:
            raise StaleTransition(f"job {attempt.job_id} is gone")
        wishes = wishes_of(job.destinations, bench.settings)
        return RunRequest(
            pipeline=job.pipeline,
            parameters=job.parameters,
            inputs=[str(bench.store.path(key)) for key in current_files(session, job.series_id)],
            output_folder=str(attempt.folder),
            device=device,
            created_at=job.created_at.isoformat(),
            equipment=equipment_of(bench.settings, bench.device_uid),
            series_number_base=results.series_number_base,
            image_type_2=results.image_type_2,
            research_use=results.research_use,
            uid_namespace=results.uid_namespace,
            time_zone=bench.settings.node.time_zone,
            replaces_series_uid=replaced_series_uid(session, job),
            taken_series_numbers=taken_series_numbers(session, job.study_id, bench.store),
            objects=wishes.objects,
            max_frames=wishes.max_frames,
        )
