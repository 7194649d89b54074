"""One test's own topics, consumer group and takes on a shared stack."""

import json
import os
import shutil
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aiohttp
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from loadtest.stack.local_stack import Stack, worker_process
from loadtest.stack.ports import free_ports
from loadtest.stack.processes import Process, Start, start_program
from loadtest.stack.topics import make_topics
from schemas.completion import Completion
from schemas.enums import Lane
from schemas.topics import COMPLETIONS, DEAD_LETTERS, LANES, prefixed
from tests.until import HANG_S, until
from worker.config.settings import load_settings
from worker.kafka.client.topics import list_partitions
from worker.storage.client import connect_store
from worker.storage.take_store import TakeStore

CANNED = {
    "speech": "canned",
    "latency": {"kind": "constant", "seconds": 0.02},
    "streaming": {"first_s": 0.02, "chunk_s": 0.2, "speed": 50},
}
# A process that stalls for seconds is no slow Google and no slow store: who wants a call to time out sets its time-out.
LONG_TIMEOUTS = {
    "TTS_TIMEOUT_BASE_S": "60",
    "TTS_TIMEOUT_MAX_S": "120",
    "TTS_STREAM_FIRST_S": "60",
    "TTS_STREAM_IDLE_S": "60",
    "S3_TIMEOUT_S": "60",
}


Wanted = Callable[[ConsumerRecord], bool]


def job(number: int, **fields: object) -> dict:
    return {"job_id": f"job-{number}", "character": "pip_boy", "text": f"This is line number {number}.", **fields}


class Deployment:
    def __init__(self, stack: Stack, folder: Path, start: Start = start_program) -> None:
        self.stack = stack
        self.start = start
        self.name = f"t{uuid.uuid4().hex[:12]}"
        self.folder = folder
        self.environment = {
            **stack.environment,
            **LONG_TIMEOUTS,
            "KAFKA_TOPIC_PREFIX": self.name,
            "KAFKA_GROUP_ID": self.name,
            "S3_PREFIX": self.name,
            "CHIRP3_ENABLED": "true",
            "CHIRP3_ROLLOUT_PERCENTAGE": "50",
            "TTS_QUICK_RETRY_AFTER_S": "0.05",
        }
        if "KAFKA_GROUP_INSTANCE_ID" in stack.environment:
            self.environment["KAFKA_GROUP_INSTANCE_ID"] = f"{self.name}-1"

    def topic(self, name: str) -> str:
        return prefixed(name, self.name)

    @contextmanager
    def worker(self, name: str = "worker", **settings: str) -> Iterator[tuple[Process, str]]:
        with worker_process({**self.environment, **settings}, self.folder, name, start=self.start) as (
            process,
            address,
        ):
            yield process, address

    @contextmanager
    def http_api(self, name: str = "serve", **settings: str) -> Iterator[tuple[Process, str]]:
        """A process of the HTTP API, and its address."""
        (port,) = free_ports(1)
        environment = {**self.environment, "HTTP_API_PORT": str(port), **settings}
        with worker_process(environment, self.folder, name, ("serve",), start=self.start) as (process, _):
            yield process, f"http://127.0.0.1:{environment['HTTP_API_PORT']}"

    async def create_topics(self) -> None:
        await make_topics(self.stack.kafka, self.name)

    async def create_topic(self, name: str, partitions: int, **settings: str) -> None:
        """A topic with a number of partitions of its own; `create_topics`, called after it, leaves it as it is."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.stack.kafka)
        await admin.start()
        try:
            copies = min(3, len((await admin.describe_cluster())["brokers"]))
            named = {key.replace("_", "."): value for key, value in settings.items()}
            answer = await admin.create_topics([NewTopic(self.topic(name), partitions, copies, topic_configs=named)])
            assert not any(code for _, code, *_ in answer.topic_errors), answer
        finally:
            await admin.close()

    async def produce(self, jobs: Iterable[Mapping | bytes], lane: Lane = Lane.DIALOGUE) -> None:
        # Acknowledged by all replicas: what the leader alone had is gone with it.
        producer = AIOKafkaProducer(bootstrap_servers=self.stack.kafka, max_request_size=4 * 2**20, acks="all")
        await producer.start()
        try:
            for each in jobs:
                value = each if isinstance(each, bytes) else json.dumps(each).encode()
                await producer.send(self.topic(LANES[lane]), value)
        finally:
            await producer.stop()

    async def read(
        self,
        topic: str,
        count: int,
        timeout_s: float = HANG_S,
        *,
        quiet_s: float = 0.5,
        wanted: Wanted = lambda _: True,
    ) -> list:
        """Reads a topic until it has `count` wanted records, then to its end, and `quiet_s` longer: repeats come late.

        Args:
            timeout_s: without a new record.
        """
        consumer = AIOKafkaConsumer(
            self.topic(topic),
            bootstrap_servers=self.stack.kafka,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_partition_fetch_bytes=4 * 2**20,
        )
        await consumer.start()
        records: list = []
        found, waited = 0, 0.0
        try:
            while waited < timeout_s:
                enough = found >= count
                step = quiet_s if enough else 0.25
                taken = await consumer.getmany(timeout_ms=int(step * 1000))
                new = [record for batch in taken.values() for record in batch]
                records += new
                found += sum(map(wanted, new))
                if enough and not taken and await at_end(consumer):
                    break
                waited += 0 if taken else step
        finally:
            await consumer.stop()
        return records

    async def completions(
        self, count: int, timeout_s: float = HANG_S, *, wanted: Callable[[Completion], bool] = lambda _: True
    ) -> list[Completion]:
        """All completions, once there are `count` wanted ones."""

        def is_wanted(record: ConsumerRecord) -> bool:
            return wanted(Completion.model_validate_json(record.value))

        records = await self.read(COMPLETIONS, count, timeout_s, wanted=is_wanted)
        return [Completion.model_validate_json(record.value) for record in records]

    async def dead_letters(self, count: int, timeout_s: float = HANG_S) -> list[tuple[bytes, dict[str, str]]]:
        records = await self.read(DEAD_LETTERS, count, timeout_s)
        return [(record.value, {name: value.decode() for name, value in record.headers}) for record in records]

    async def lane_offsets(self) -> tuple[int, int]:
        """All records of the dialogue lane, and how many of them are committed."""
        partitions = await list_partitions(load_settings(self.environment).kafka, self.topic(LANES[Lane.DIALOGUE]))
        consumer = AIOKafkaConsumer(bootstrap_servers=self.stack.kafka)
        admin = AIOKafkaAdminClient(bootstrap_servers=self.stack.kafka)
        await consumer.start()
        await admin.start()
        try:
            ends = await consumer.end_offsets(partitions)
            committed = await admin.list_consumer_group_offsets(self.name, partitions=partitions)
            return sum(ends.values()), sum(max(0, entry.offset) for entry in committed.values())
        finally:
            await consumer.stop()
            await admin.close()

    async def until_committed(self) -> None:
        """Waits until all records of the dialogue lane are committed."""

        async def committed() -> bool:
            records, below = await self.lane_offsets()
            return records == below

        await until(committed)

    @asynccontextmanager
    async def store(self) -> AsyncIterator[TakeStore]:
        async with connect_store(load_settings(self.environment).storage, connections=8) as store:
            yield store

    async def keys(self) -> list[str]:
        """Every key of the bucket that isn't another test's."""
        async with self.store() as store:
            keys = [key async for batch in store.keys("") for key in batch]
        return [key for key in keys if key.split("/")[0] == self.name or not key.startswith("t")]

    async def control(self, method: str, path: str, body: object = None) -> dict:
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self.stack.control + path, json=body) as answer,
        ):
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def reset_emulator(self) -> None:
        await self.control("DELETE", "/faults")
        await self.control("PATCH", "/settings", {**CANNED, "quota": "off", "removed_voices": [], "capacity": None})
        await self.control("DELETE", "/calls")

    async def set_faults(self, *faults: dict) -> None:
        await self.control("PUT", "/faults", list(faults))

    async def emulator(self, **settings: object) -> None:
        await self.control("PATCH", "/settings", settings)

    async def calls(self) -> dict:
        return await self.control("GET", "/calls")


async def at_end(consumer: AIOKafkaConsumer) -> bool:
    """Whether a consumer of committed records has taken all that there are by now."""
    ends = await consumer.end_offsets(consumer.assignment())
    return all([await consumer.position(partition) >= end for partition, end in ends.items()])


async def get(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.text()


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None and os.environ.get("CI") == "true":
        pytest.fail(f"{name} is not installed; Debian has it")
    if found is None:
        pytest.skip(f"{name} is not installed; Debian has it")
    return found
