"""A rollout under way: a worker, a controller, steady traffic, and the people's commands."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import yaml
from aiokafka import AIOKafkaProducer

from loadtest.stack.local_stack import worker_process
from loadtest.stack.traffic import Flow, send_steadily
from schemas.enums import Lane
from schemas.revision import Revision
from schemas.topics import LANES
from tests.stack.cli import run
from tests.stack.deployment import Deployment
from worker.config.settings import load_settings
from worker.lifecycle.clock import Clock
from worker.rollout.log.reader import open_log
from worker.speech.catalogue_file import load_catalogue

NAMES = sorted(load_catalogue(load_settings({}).worker.characters_file).names)
# A call may be as slow as the scenarios make it, and still be an answer. On a slow machine jobs wait in Kafka: beyond
# 64 calls at once they would wait for a call to end, and fall back after a second.
PATIENT = {"TTS_TIMEOUT_BASE_S": "120", "MAX_IN_FLIGHT": "60"}


class Rollout:
    """Of one deployment, followed live."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.revisions: list[Revision] = []

    async def cli(self, *arguments: str) -> str:
        ended = await run(self.deployment, "rollout", *arguments)
        assert ended.returncode == 0, (arguments, ended.stdout, ended.stderr)
        return ended.stdout

    async def status(self) -> dict:
        return json.loads(await self.cli("status", "--json"))

    async def start(self, plan: dict, folder: Path, *arguments: str) -> None:
        path = folder / f"{plan['name']}.yaml"
        path.write_text(yaml.safe_dump(plan), encoding="utf-8")
        await self.cli("start", str(path), "--yes", "--actor", "anna", *arguments)

    async def follow(self) -> None:
        async with open_log(load_settings(self.deployment.environment).kafka, Clock()) as log:
            while True:
                await log.poll()
                self.revisions = list(log.revisions.accepted)

    async def until(self, found: Callable[[Revision], bool], timeout_s: float = 600.0) -> Revision:
        """The first revision that is looked for."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            for revision in self.revisions:
                if found(revision):
                    return revision
            await asyncio.sleep(0.1)
        reported = [(each.revision, each.actor, each.before, each.after, each.reason) for each in self.revisions]
        raise AssertionError(f"no such revision within {timeout_s:g} s: {reported}")


@asynccontextmanager
async def rolling_out(
    deployment: Deployment, jobs_a_second: float, characters: list[str] | None = None, **settings: str
) -> AsyncIterator[Rollout]:
    """A worker, a controller and traffic, until the context ends."""
    deployment.environment |= {"ROLLOUT_SOURCE": "topic", "CHIRP3_ENABLED": "", **PATIENT, **settings}
    rollout = Rollout(deployment)
    flow = Flow(deployment.name, jobs_a_second, characters or NAMES)
    topic = deployment.topic(LANES[Lane.DIALOGUE])
    producer = AIOKafkaProducer(bootstrap_servers=deployment.stack.kafka)
    with (
        deployment.worker(),
        worker_process(deployment.environment, deployment.folder, "controller", ("rollout", "run"), deployment.start),
    ):
        await producer.start()
        tasks = [asyncio.create_task(send_steadily(producer, topic, flow)), asyncio.create_task(rollout.follow())]
        try:
            yield rollout
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError):
                    await task
            await producer.stop()


def plan(name: str, *stages: dict, **fields: object) -> dict:
    """The owner's limits over windows of 15 s and a minute: a plan for minutes instead of days."""
    return {
        "version": 1,
        "name": name,
        "windows": {"resolution": "1s", "short": "15s", "long": "60s", "settle": "3s"},
        "gates": [
            {"measure": "error_rate", "limit": 0.05},
            {"measure": "mean_time", "limit": 2},
            {"measure": "fallback_rate", "limit": 0.05},
        ],
        "roll_back": {
            "at_once": [
                {"measure": "error_rate", "limit": 0.10},
                {"measure": "mean_time", "limit": 5},
                {"measure": "fallback_rate", "limit": 0.20},
            ],
            "step": [{"measure": "error_rate", "limit": 0.05}],
            "character": [{"measure": "error_rate", "limit": 0.10}],
        },
        "stages": list(stages),
        **fields,
    }


def stage(name: str, percentage: float, **fields: object) -> dict:
    return {"name": name, "percentage": percentage, "characters": "all", "at_least": "5s", **fields}
