"""The baseline of the worker's modules: a bounded gather without Kafka, with a leaner S3 client. One process."""

import asyncio
import sys

from prometheus_client import CollectorRegistry

from loadtest.benchmarks.throughput.gather import gather, rendered_with_key
from loadtest.benchmarks.throughput.lines import Run
from schemas.job import Job
from worker.app.worker_app import tune_garbage_collector
from worker.config.settings import load_settings
from worker.observability.metrics import Metrics
from worker.speech.audio_check import AudioCheck
from worker.speech.catalogue_file import load_catalogue
from worker.speech.google import connect_google
from worker.storage.client import connect_store
from worker.storage.takes import new_take


async def run_own(run: Run) -> None:
    """Does the run's jobs."""
    settings = load_settings()
    catalogue = load_catalogue(settings.worker.characters_file)
    at_once = settings.worker.max_in_flight
    audio_check = AudioCheck(settings.audio_check, Metrics(CollectorRegistry(), ()))
    async with connect_google(settings.google) as google, connect_store(settings.storage, at_once + 2) as store:

        async def speak(job: Job) -> bool:
            rendered, key = rendered_with_key(job, catalogue, settings.storage.prefix)
            if await store.look_up(key) is not None:
                return False
            audio = await google.synthesize(rendered.inputs[0], rendered, rendered.encoding)
            made = new_take(key, rendered, audio, await audio_check.check(audio, rendered))
            return await store.store(made, audio) is made

        tune_garbage_collector()
        await gather(run, at_once, speak)


if __name__ == "__main__":
    asyncio.run(run_own(Run(sys.argv[1], int(sys.argv[2]))))
