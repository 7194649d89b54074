"""The commands about takes: `takes redo` and `takes check`."""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from schemas.enums import Lane
from schemas.errors import UnavailableError, UsageError
from schemas.job import Job
from schemas.parsing import parse_job
from worker.app.tracing import open_tracing
from worker.cli import terminal
from worker.cli.exit_codes import ExitCode
from worker.cli.options import AsJson
from worker.config.settings import Settings, load_settings
from worker.kafka.client.producer import connect_producer
from worker.kafka.client.submit import submit
from worker.kafka.dead_letters.filter import parse_time
from worker.kafka.scan.find_jobs import FoundJob, find_job, find_job_by_audio, next_take
from worker.kafka.scan.find_takes import referenced_takes
from worker.speech.catalogue_file import load_catalogue

# To the store: of the takes that are checked at once, and of the listing.
_CONNECTIONS: Final = 8

app = typer.Typer(no_args_is_help=True, help="The stored takes.")


@app.command()
def redo(
    line: Annotated[
        str | None,
        typer.Argument(help="The rejected one: its job's id, or its audio's key or s3:// address in the completion."),
    ] = None,
    job: Annotated[
        Path | None,
        typer.Option(help="The whole job as a JSON file, - for standard input, if no lane keeps it."),
    ] = None,
    lane: Annotated[Lane | None, typer.Option(help="Default: the lane of the rejected job; batch with --job.")] = None,
    as_json: AsJson = False,
) -> None:
    """Request the next take of a line after a reading was rejected: the same job with the next free take number."""
    if (line is None) == (job is None):
        raise UsageError("say what was rejected: a job's id or its audio, or a whole job with --job; one of them")
    settings = load_settings()
    given = None
    if job is not None:
        read = sys.stdin.buffer.read() if str(job) == "-" else job.read_bytes()
        given = parse_job(read, max_text_bytes=settings.worker.max_text_bytes)
    terminal.show_one(asyncio.run(_redo(settings, line or "", given, lane)), as_json=as_json)


async def _redo(settings: Settings, line: str, given: Job | None, lane: Lane | None) -> dict[str, object]:
    found = await _find(settings, line) if given is None else FoundJob(given)
    with terminal.progress("reading the completions") as progress:
        wanted = await next_take(settings.kafka, found, progress)
    load_catalogue(settings.worker.characters_file).admit(wanted)
    into = lane or found.lane or Lane.BATCH
    async with open_tracing(settings) as tracing, connect_producer(settings.kafka) as producer:
        await submit(producer, settings.kafka, into, wanted, tracing.tracer, key=found.key)
    return {
        "job_id": wanted.job_id,
        "take": wanted.take,
        "instead_of": found.job.job_id,
        "lane": into.value,
        "character": wanted.character,
        "line": wanted.text if wanted.text is not None else wanted.ssml,
    }


async def _find(settings: Settings, line: str) -> FoundJob:
    job_id = line
    # No job's id has a slash, and every take's key has some.
    if "/" in line:
        key = line.removeprefix(f"s3://{settings.storage.bucket}/")
        with terminal.progress("reading the completions") as progress:
            job_id = await find_job_by_audio(settings.kafka, key, progress)
    try:
        with terminal.progress("reading the lanes") as progress:
            return await find_job(settings.kafka, job_id, settings.worker.max_text_bytes, progress)
    except UnavailableError as error:
        # People know a script's line by its id, of which a batch's jobs are made.
        raise UnavailableError(
            f"{error}; a script's line is redone by `chirp-worker batch redo SCRIPT {line}`"
        ) from None


@app.command()
def check(
    sample: Annotated[
        int,
        typer.Option(min=1, help="How many stored takes are checked, and how many that completions reference."),
    ] = 100,
    everything: Annotated[bool, typer.Option("--all", help="All of them instead of a sample.")] = False,
    since: Annotated[
        str | None,
        typer.Option(help="Completions since an RFC 3339 time, or of the last 30m, 2h, 3d; default: all."),
    ] = None,
    stored_only: Annotated[bool, typer.Option("--stored-only", help="Don't read the completions in Kafka.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check stored takes: missing, corrupt and implausible ones (exit 1)."""
    from worker.audit.takes_check import KINDS

    settings = load_settings()
    completed_since = None if since is None else parse_time("--since", since, datetime.now(UTC))
    size = None if everything else sample
    result = asyncio.run(_check(settings, size, completed_since, stored_only=stored_only))
    if as_json:
        terminal.show_one(result, as_json=True)
    else:
        terminal.show(result.pop("faults"), as_json=False, nothing="No faults.")
        terminal.say(", ".join(f"{name.replace('_', ' ')}: {value:,}" for name, value in result.items()))
    if any(result[kind] for kind in KINDS):
        raise typer.Exit(ExitCode.FAILED)


async def _check(settings: Settings, size: int | None, since: datetime | None, *, stored_only: bool) -> dict[str, Any]:
    from worker.audit.takes_check import check_takes
    from worker.storage.client import connect_store

    storage = settings.storage
    prefix = f"{storage.prefix}/" if storage.prefix else ""
    async with connect_store(storage, _CONNECTIONS) as store:
        with terminal.progress("checking the takes") as progress:
            referenced = (
                None if stored_only else referenced_takes(settings.kafka, store.bucket, prefix, since, progress)
            )
            return await check_takes(store, prefix, referenced, size, progress)
