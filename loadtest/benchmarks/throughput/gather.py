"""What both gathers share: a run's jobs, so many at once, without Kafka; the report; the wait to be ended."""

import asyncio
import json
import signal
import time
from collections.abc import Awaitable, Callable

from loadtest.benchmarks.throughput.lines import Run
from schemas.enums import VoiceModel
from schemas.job import Job
from worker.speech.catalogue import Catalogue
from worker.speech.render import Rendered, render
from worker.storage.takes import take_key


def rendered_with_key(job: Job, catalogue: Catalogue, prefix: str) -> tuple[Rendered, str]:
    """The job as Chirp is asked for it, and its take's key: the worker's own rules, for the audio must be the same."""
    voice = catalogue.voice(job.character, job.language, VoiceModel.CHIRP3_HD)
    if voice is None:
        raise ValueError(f"{job.character} has no Chirp voice")
    rendered = render(job, catalogue.characters[job.character], voice)
    return rendered, take_key(prefix, job.character, rendered, job.take)


async def gather(run: Run, at_once: int, speak: Callable[[Job], Awaitable[bool]]) -> None:
    """Does the run's jobs, prints how many takes it made and when the last was stored, and waits for SIGTERM.

    Args:
        run: whose jobs.
        at_once: how many at a time.
        speak: does one; whether it made a new take.
    """
    jobs = [run.job(number) for number in range(run.jobs)]
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    slots = asyncio.Semaphore(at_once)

    async def bounded(job: Job) -> bool:
        async with slots:
            return await speak(job)

    made = await asyncio.gather(*map(bounded, jobs))
    print(json.dumps({"made": sum(made), "ended": time.time()}), flush=True)
    # Whoever started this reads the process's CPU time, as it reads the worker's.
    await stop.wait()
