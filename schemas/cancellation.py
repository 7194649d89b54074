"""The cancellation: somebody doesn't want a job any more."""

from datetime import datetime

from pydantic import Field

from schemas.field_types import JOB_ID_PATTERN, EventTime, Name
from schemas.message import Request


class Cancellation(Request):
    """Ends a job as `cancelled`, if it hasn't started when it is read; a job that has started ends as usual."""

    cancellation_id: str = Field(pattern=JOB_ID_PATTERN, description="Chosen by the producer; the event's id.")
    job_id: str = Field(pattern=JOB_ID_PATTERN, description="The job that isn't wanted any more.")
    time: EventTime = Field(
        description="When it was cancelled, by RFC 3339. A job of this id that is enqueued later is another one."
    )
    source: Name = Field(description="URI reference of who sends it, such as /clients/quests.")


def new_cancellation(job_id: str, cancellation_id: str, source: str, now: datetime) -> Cancellation:
    """The cancellation of a job.

    Raises:
        ValidationError: no job may have this id.
    """
    fields = {"cancellation_id": cancellation_id, "job_id": job_id, "time": now.isoformat(), "source": source}
    return Cancellation.model_validate(fields)
