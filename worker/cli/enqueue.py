"""The command that puts one job into its lane: `enqueue`."""

import asyncio
import json
import sys
import uuid
from pathlib import Path
from typing import Annotated

import typer

from schemas.completion import Completion
from schemas.enums import JobStatus, Lane
from schemas.errors import UsageError
from schemas.job import Job
from schemas.parsing import check_lane, parse_job
from worker.cli import terminal
from worker.cli.exit_codes import ExitCode
from worker.config.settings import Settings, load_settings
from worker.kafka.client.producer import connect_producer
from worker.kafka.client.submit import read_completions, submit
from worker.speech.catalogue_file import load_catalogue


def enqueue(
    text: Annotated[str | None, typer.Argument(help="The line; leave out with --ssml or --job.")] = None,
    character: Annotated[str, typer.Option(help="The character that speaks.")] = "pip_boy",
    ssml: Annotated[str | None, typer.Option(help="The line as SSML.")] = None,
    language: Annotated[str | None, typer.Option(help="en-US, cmn-TW, …; default en-US.")] = None,
    user_id: Annotated[str | None, typer.Option(help="The user; their rollout bucket decides.")] = None,
    voice: Annotated[str | None, typer.Option(help="Force a voice model or a full voice name.")] = None,
    job_id: Annotated[str | None, typer.Option(help="Default: a new one.")] = None,
    job: Annotated[Path | None, typer.Option(help="A whole job as a JSON file, - for standard input.")] = None,
    lane: Annotated[Lane, typer.Option(help="dialogue: somebody waits; batch: nobody does.")] = Lane.DIALOGUE,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the completion and print it.")] = False,
    save: Annotated[Path | None, typer.Option(help="Save the audio here; waits.")] = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait at most.")] = 60.0,
) -> None:
    """Put one line into its lane."""
    settings = load_settings()
    if save is not None and not save.parent.is_dir():
        raise UsageError(f"--save '{save}': there is no folder {save.parent}")
    given = {"job_id": job_id or f"cli-{uuid.uuid4()}", "character": character, "text": text, "ssml": ssml,
             "language": language, "user_id": user_id, "voice": voice}  # fmt: skip
    document = json.dumps({name: value for name, value in given.items() if value is not None}).encode()
    parsed = parse_job(_read(job) if job else document, max_text_bytes=settings.worker.max_text_bytes)
    check_lane(parsed, lane)
    load_catalogue(settings.worker.characters_file).admit(parsed)
    completion = asyncio.run(_enqueue(settings, lane, parsed, timeout if wait or save else None))
    if completion is None:
        terminal.say(parsed.job_id)
        return
    terminal.show_one(completion.model_dump(mode="json", exclude_none=True), as_json=True)
    if save is not None and completion.audio is not None:
        # After the completion: who sees that the store doesn't answer knows that the line is done.
        asyncio.run(_save(settings, completion.audio.key, save))
    if completion.status is not JobStatus.DONE:
        raise typer.Exit(ExitCode.FAILED)


async def _enqueue(settings: Settings, lane: Lane, job: Job, timeout_s: float | None) -> Completion | None:
    from worker.app.tracing import open_tracing

    async with open_tracing(settings) as tracing, connect_producer(settings.kafka) as producer:
        if timeout_s is None:
            await submit(producer, settings.kafka, lane, job, tracing.tracer)
            return None
        async with read_completions(settings.kafka) as reader:
            await submit(producer, settings.kafka, lane, job, tracing.tracer)
            return await reader.wait_for(job.job_id, timeout_s)


async def _save(settings: Settings, key: str, path: Path) -> None:
    from worker.storage.client import connect_store

    async with connect_store(settings.storage, connections=1) as store:
        audio = await store.fetch(key)
    await asyncio.to_thread(path.write_bytes, audio)


def _read(path: Path) -> bytes:
    return sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
