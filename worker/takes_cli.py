"""The commands about takes: `takes redo` and `takes check`."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Annotated, Any, Final

import typer

from schemas.job import Job, parse_job
from schemas.words import Lane
from worker import console
from worker.app import catalogue_of
from worker.checking import KINDS, Drawing, TakesCheck
from worker.kafka.asked import Asked, NotAsked, answered_takes, find_asked, job_of_audio
from worker.kafka.clients import connect_producer
from worker.kafka.letter_filter import parse_time
from worker.kafka.submit import submit
from worker.kafka.told import told_takes
from worker.redoing import RedoRefused, next_job
from worker.settings import Settings, load_settings
from worker.storage.s3 import connect_store

# What main ends in one line: asked for wrongly, or failed.
MISUSES = (RedoRefused,)
FAILURES = (NotAsked,)
_FAULTY: Final = 1
_CONNECTIONS: Final = 8

app = typer.Typer(no_args_is_help=True, help="The stored takes.")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


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
    lane: Annotated[Lane | None, typer.Option(help="Default: the lane that it was asked in; batch with --job.")] = None,
    as_json: AsJson = False,
) -> None:
    """Ask for the next take of a line whose reading was rejected: the same job with the next number that is free."""
    if (line is None) == (job is None):
        raise RedoRefused("say what was rejected: a job's id or its audio, or a whole job with --job; one of them")
    settings = load_settings()
    given = None
    if job is not None:
        read = sys.stdin.buffer.read() if str(job) == "-" else job.read_bytes()
        given = parse_job(read, max_text_bytes=settings.worker.max_text_bytes)
    console.show_one(asyncio.run(_redo(settings, line or "", given, lane)), as_json=as_json)


async def _redo(settings: Settings, line: str, given: Job | None, lane: Lane | None) -> dict[str, object]:
    asked = await _asked(settings, line) if given is None else Asked(given)
    with console.progress("reading the completions") as progress:
        takes = asked.takes | await answered_takes(settings.kafka, asked, progress)
    wanted = next_job(asked.job, takes)
    catalogue_of(settings).admit(wanted)
    into = lane or asked.lane or Lane.BATCH
    async with connect_producer(settings.kafka) as producer:
        await submit(producer, settings.kafka, into, wanted, asked.key)
    return {
        "job_id": wanted.job_id,
        "take": wanted.take,
        "instead_of": asked.job.job_id,
        "lane": into.value,
        "character": wanted.character,
        "line": wanted.text if wanted.text is not None else wanted.ssml,
    }


async def _asked(settings: Settings, line: str) -> Asked:
    job_id = line
    # No job's id has a slash, and every take's key has some.
    if "/" in line:
        key = line.removeprefix(f"s3://{settings.storage.bucket}/")
        with console.progress("reading the completions") as progress:
            job_id = await job_of_audio(settings.kafka, key, progress)
    with console.progress("reading the lanes") as progress:
        return await find_asked(settings.kafka, job_id, settings.worker.max_text_bytes, progress)


@app.command()
def check(
    sample: Annotated[
        int,
        typer.Option(min=1, help="How many of the stored takes are looked at, and how many that completions tell of."),
    ] = 100,
    everything: Annotated[bool, typer.Option("--all", help="All of them instead of a sample.")] = False,
    since: Annotated[
        str | None,
        typer.Option(help="Completions since an RFC 3339 time, or of the last 30m, 2h, 3d; default: all."),
    ] = None,
    stored_only: Annotated[bool, typer.Option("--stored-only", help="Don't ask Kafka for completions.")] = False,
    as_json: AsJson = False,
) -> None:
    """Look at stored takes: missing, corrupt and implausible ones (exit 1)."""
    settings = load_settings()
    told_since = None if since is None else parse_time("--since", since, datetime.now(UTC))
    size = None if everything else sample
    result = asyncio.run(_check(settings, size, told_since, stored_only=stored_only))
    if as_json:
        console.show_one(result, as_json=True)
    else:
        console.show(result.pop("faults"), as_json=False, nothing="No faults.")
        typer.echo(", ".join(f"{name.replace('_', ' ')}: {value:,}" for name, value in result.items()))
    if any(result[kind] for kind in KINDS):
        raise typer.Exit(_FAULTY)


async def _check(settings: Settings, size: int | None, since: datetime | None, *, stored_only: bool) -> dict[str, Any]:
    storage = settings.storage
    prefix = f"{storage.prefix}/" if storage.prefix else ""
    of_stored, of_told = Drawing(size, Random()), Drawing(size, Random())
    async with connect_store(storage, _CONNECTIONS) as store:
        with console.progress("checking the takes") as progress:
            check = TakesCheck(store, progress)
            # All are looked at as they are listed; a sample is drawn from the whole list.
            listed = store.keys(prefix) if size is None else _counted(store.keys(prefix), progress)
            async with aclosing(of_stored.of(listed)) as drawn:
                async for keys in drawn:
                    await check.stored(keys)
            stored_checked = check.checked
            if not stored_only:
                told = told_takes(settings.kafka, store.bucket, prefix, since, progress)
                async with aclosing(of_told.of(told)) as drawn:
                    async for keys in drawn:
                        await check.told(keys)
    return {
        "stored": of_stored.seen,
        "stored_checked": stored_checked,
        "told": of_told.seen,
        "told_checked": check.checked - stored_checked,
        **{kind: check.counts[kind] for kind in KINDS},
        "faults": [{"fault": each.kind, "key": each.key, "detail": each.detail} for each in check.faults],
    }


async def _counted(
    batches: AsyncGenerator[list[str], None], progress: Callable[[int, None], None]
) -> AsyncGenerator[list[str], None]:
    count = 0
    async with aclosing(batches):
        async for batch in batches:
            count += len(batch)
            progress(count, None)
            yield batch
