"""Sends many jobs to a deployment and counts the lost, repeated, committed and paid ones."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from loadtest.stack.processes import Process
from schemas.enums import Lane
from schemas.topics import COMPLETIONS, DEAD_LETTERS, LANES
from tests.stack.deployment import Deployment, at_end, job
from tests.stack.test_outages import until_called
from tests.until import until
from worker.config.settings import load_settings
from worker.kafka.client.admin import connect_admin
from worker.kafka.client.committed_offsets import CommittedOffsets
from worker.kafka.client.topics import list_partitions
from worker.kafka.consumer.offset_map import BrokenOffsetMapError, decode

BACKLOG = 200


@dataclass(frozen=True)
class Ended:
    """A completion as it was read; `at` is the worker's time in seconds since 1970."""

    job_id: str
    status: str
    event: str
    at: float


class Campaign:
    def __init__(self, deployment: Deployment, jobs: int, lane: Lane = Lane.DIALOGUE) -> None:
        self.deployment = deployment
        self.jobs = jobs
        self.lane = lane
        self.places: dict[str, tuple[TopicPartition, int]] = {}

    async def produce(self, start: int = 0, count: int | None = None, **fields: object) -> None:
        """Sends jobs to the lane and remembers the offset of each."""
        topic = self.deployment.topic(LANES[self.lane])
        producer = AIOKafkaProducer(bootstrap_servers=self.deployment.stack.kafka, acks="all", enable_idempotence=True)
        await producer.start()
        try:
            numbers = range(start, start + (self.jobs if count is None else count))
            sent = [
                (f"job-{number}", await producer.send(topic, json.dumps(job(number, **fields)).encode()))
                for number in numbers
            ]
            for job_id, future in sent:
                written = await future
                self.places[job_id] = (TopicPartition(topic, written.partition), written.offset)
        finally:
            await producer.stop()

    async def completions(self, *, timeout_s: float, until: int | None = None, quiet_s: float = 2.0) -> list[Ended]:
        """Reads completions until `until` jobs have one, and `quiet_s` longer, since repeats come late."""
        wanted = self.jobs if until is None else until
        consumer = self._consumer(COMPLETIONS)
        await consumer.start()
        found: list[Ended] = []
        jobs: set[str] = set()
        end = time.monotonic() + timeout_s
        try:
            while time.monotonic() < end:
                taken = await consumer.getmany(timeout_ms=int(quiet_s * 1000) if len(jobs) >= wanted else 200)
                for records in taken.values():
                    for record in records:
                        value = json.loads(record.value)
                        event = dict(record.headers)["ce_id"].decode()
                        found.append(Ended(value["job_id"], value["status"], event, record.timestamp / 1000))
                        jobs.add(value["job_id"])
                if len(jobs) >= wanted and not taken and await at_end(consumer):
                    break
        finally:
            await consumer.stop()
        return found

    async def published(self) -> list[str]:
        """Returns the job ids of all present completions."""
        return await self._ids_to_end(COMPLETIONS)

    async def dead_letters(self) -> int:
        return len(await self._ids_to_end(DEAD_LETTERS))

    async def committed_jobs(self) -> set[str]:
        """Returns the jobs that a restart won't repeat: below the committed offset, or done in the offset map."""
        below, above = await self._committed()
        return below | above

    async def committed_above_gaps(self) -> set[str]:
        """Those of them above the committed offset, which only the offset map records."""
        _, above = await self._committed()
        return above

    async def _committed(self) -> tuple[set[str], set[str]]:
        settings = load_settings(self.deployment.environment).kafka
        topic = self.deployment.topic(LANES[self.lane])
        partitions = await list_partitions(settings, topic)
        async with connect_admin(settings) as admin:
            commitments = await CommittedOffsets(admin, settings.group_id).fetch(partitions)
        done = {}
        for partition, commitment in commitments.items():
            try:
                done[partition] = decode(commitment.offset, commitment.metadata) if commitment.offset >= 0 else []
            except BrokenOffsetMapError:
                done[partition] = []
        places = self.places.items()
        below = {job_id for job_id, (partition, offset) in places if offset < commitments[partition].offset}
        above = {job_id for job_id, (partition, offset) in places if any(a <= offset < b for a, b in done[partition])}
        return below, above

    async def exposed(self) -> int:
        """Counts published completions of uncommitted jobs: a restart now repeats at most these."""
        committed = await self.committed_jobs()
        return len({job_id for job_id in await self.published() if job_id not in committed})

    async def calls(self) -> int:
        """Counts Google calls, finished or in flight."""
        counts = await self.deployment.calls()
        return counts["total"] + counts["in_flight"]

    @asynccontextmanager
    async def busy(self) -> AsyncIterator[None]:
        """Sends jobs until the context ends: always more than the workers have done, however slow or fast they are."""
        enough = asyncio.Event()
        sending = asyncio.create_task(self._keep_busy(enough))
        try:
            yield
        finally:
            enough.set()
            await sending

    async def _keep_busy(self, enough: asyncio.Event) -> None:
        while not enough.is_set():
            if self.jobs - await self.calls() < BACKLOG:
                self.jobs += BACKLOG
                await self.produce(self.jobs - BACKLOG, BACKLOG)
            await asyncio.sleep(0.1)

    async def settled(self) -> None:
        """Waits until what a killed worker had sent has arrived."""

        async def none_in_flight() -> bool:
            return not (await self.deployment.calls())["in_flight"]

        await until(none_in_flight)
        await asyncio.sleep(1)

    async def under_way(self) -> None:
        """Waits until a started worker has finished ten calls; its first second is its warm-up."""
        before = (await self.deployment.calls())["total"]
        await until_called(self.deployment, before + 10)

    def lost(self, ended: list[Ended]) -> set[str]:
        return set(self.places) - {each.job_id for each in ended}

    @staticmethod
    def repeats(ended: list[Ended]) -> Counter:
        """Counts the surplus completions of each job."""
        counted = Counter(each.job_id for each in ended)
        return Counter({job_id: count - 1 for job_id, count in counted.items() if count > 1})

    @staticmethod
    def statuses(ended: list[Ended]) -> Counter:
        return Counter(each.status for each in ended)

    def _consumer(self, topic: str) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            self.deployment.topic(topic),
            bootstrap_servers=self.deployment.stack.kafka,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
        )

    async def _ids_to_end(self, topic: str) -> list[str]:
        consumer = self._consumer(topic)
        await consumer.start()
        try:
            partitions = list(consumer.assignment())
            ends = await consumer.end_offsets(partitions)
            found = []
            while any([await consumer.position(p) < ends[p] for p in partitions]):
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found += [dict(r.headers).get("ce_subject", b"").decode() for r in records]
            return found
        finally:
            await consumer.stop()


def rate(ended: Iterable[Ended]) -> float:
    """Jobs a second, without the first and the last tenth of the completions."""
    times = sorted(each.at for each in ended)
    tenth = len(times) // 10
    # Kafka's times are in whole milliseconds.
    return (len(times) - 2 * tenth) / max(0.001, times[-tenth - 1] - times[tenth])


def report(scenario: str, **figures: object) -> None:
    """Prints a scenario's figures; `make test-faults` shows them."""
    text = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in figures.items())
    print(f"\n{scenario}: {text}", flush=True)


@asynccontextmanager
async def started(worker: AbstractContextManager) -> AsyncIterator[Process]:
    """A worker that starts, and stops, while the loop goes on."""
    process, _ = await asyncio.to_thread(worker.__enter__)
    try:
        yield process
    finally:
        await asyncio.to_thread(worker.__exit__, None, None, None)


def worker_settings(deployment: Deployment, guarantee: str, **more: str) -> Mapping[str, str]:
    """Returns settings under which a restarted worker returns as the same group member, whatever the guarantee."""
    return {"KAFKA_GROUP_INSTANCE_ID": f"{deployment.name}-1", "DELIVERY": guarantee, "MAX_IN_FLIGHT": "32", **more}
