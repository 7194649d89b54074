"""The command that cancels jobs: `cancel`."""

import asyncio
import uuid
from datetime import datetime
from typing import Annotated

import typer
from pydantic import ValidationError

from schemas.cancellation import Cancellation, new_cancellation
from schemas.errors import UsageError
from worker.cli import terminal
from worker.cli.login import login_name
from worker.cli.options import AsJson
from worker.config.settings import Settings, load_settings
from worker.lifecycle.clock import Clock


def cancel(
    job_ids: Annotated[list[str], typer.Argument(metavar="JOB_ID…", help="The jobs' ids.")],
    as_json: AsJson = False,
) -> None:
    """Cancel jobs: those that haven't started end as cancelled when their turn comes, with nothing paid.

    A job that runs or has ended stays as it is; so does one of the same id that is enqueued more than a minute later.
    """
    now, source = Clock().now(), f"/users/{login_name() or 'unknown'}"
    cancellations = [_cancellation(job_id, source, now) for job_id in dict.fromkeys(job_ids)]
    asyncio.run(_send(load_settings(), cancellations))
    terminal.show([{"job": each.job_id, "cancelled": each.time.isoformat()} for each in cancellations], as_json=as_json)


def _cancellation(job_id: str, source: str, now: datetime) -> Cancellation:
    try:
        return new_cancellation(job_id, f"cli-{uuid.uuid4()}", source, now)
    except ValidationError:
        raise UsageError(
            f"job id {job_id[:100]!a}: allowed are 1 to 128 of A-Z, a-z, 0-9 and ._:@=+-, the first a letter or digit"
        ) from None


async def _send(settings: Settings, cancellations: list[Cancellation]) -> None:
    from worker.kafka.client.events import send_event
    from worker.kafka.client.producer import connect_producer

    async with connect_producer(settings.kafka) as producer:
        await asyncio.gather(*(send_event(producer, settings.kafka, each) for each in cancellations))
