"""The limit: the worker's look-up, call, check and PUT in a plain bounded gather, without Kafka. One process."""

import asyncio
import json
import signal
import sys
import time

from loadtest.bench.lines import Run
from schemas.job import Job
from schemas.words import VoiceModel
from worker.settings import load_settings
from worker.speech.attempt import checked
from worker.speech.catalogue import Catalogue, load_catalogue
from worker.speech.google import Google, connect_google
from worker.speech.render import render
from worker.storage.connecting import connect_store
from worker.storage.s3 import TakeStore
from worker.storage.takes import made_take, take_key


async def _speak(job: Job, catalogue: Catalogue, google: Google, store: TakeStore, prefix: str) -> bool:
    """One job; whether it made a new take."""
    voice = catalogue.voice(job.character, job.language, VoiceModel.CHIRP3_HD)
    if voice is None:
        raise ValueError(f"{job.character} has no Chirp voice")
    rendered = render(job, catalogue.characters[job.character], voice)
    key = take_key(prefix, job.character, rendered, job.take)
    if await store.look_up(key) is not None:
        return False
    audio = await google.synthesize(rendered.inputs[0], rendered, rendered.encoding)
    made = made_take(key, rendered, audio, checked(audio, rendered).duration_s)
    return await store.store(made, audio) is made


async def run_limit(run: Run) -> None:
    """Does the run's jobs, prints how many takes it made and when the last was stored, and waits for SIGTERM."""
    settings = load_settings()
    catalogue = load_catalogue(settings.worker.characters_file)
    jobs = [run.job(number) for number in range(run.jobs)]
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    slots = asyncio.Semaphore(settings.worker.max_in_flight)
    async with (
        connect_google(settings.google) as google,
        connect_store(settings.storage, settings.worker.max_in_flight + 2) as store,
    ):

        async def bounded(job: Job) -> bool:
            async with slots:
                return await _speak(job, catalogue, google, store, settings.storage.prefix)

        made = await asyncio.gather(*map(bounded, jobs))
        print(json.dumps({"made": sum(made), "ended": time.time()}), flush=True)
        # Whoever started this reads the process's CPU time, as it reads the worker's.
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(run_limit(Run(sys.argv[1], int(sys.argv[2]))))
