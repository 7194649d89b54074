"""The producer of the HTTP API: connects when Kafka answers, and is replaced when it has failed."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial

from aiokafka.errors import KafkaConnectionError, KafkaError

from schemas.enums import Lane
from schemas.job import Job
from worker.config.sections import KafkaSettings
from worker.console.lines.line_sender import ACKNOWLEDGED_S, not_acknowledged
from worker.kafka.client.events import Event, send_event
from worker.kafka.client.health import kafka_outage
from worker.kafka.client.producer import Producer, connect_producer
from worker.kafka.client.submit import submit
from worker.kafka.delivery.renewable_producer import RenewableProducer
from worker.kafka.delivery.sender import TOO_LARGE
from worker.lifecycle.dependency import Dependency
from worker.observability.tracing.tracer import Tracer


class ApiProducer:
    """Sends jobs into their lanes, and clients' events into their topics.

    Args:
        kafka: marked as down for as long as no producer can be connected.
        tracer: begins each job's trace.
    """

    def __init__(self, settings: KafkaSettings, kafka: Dependency, tracer: Tracer) -> None:
        self._settings = settings
        self._kafka = kafka
        self._tracer = tracer
        self._producing = RenewableProducer(partial(connect_producer, settings))
        self._failures: asyncio.Queue[tuple[Producer, KafkaError]] = asyncio.Queue()
        self.connected = asyncio.Event()
        """Set once the first producer is connected."""

    async def run(self) -> None:
        """Connects, and replaces each producer that fails, until it is cancelled."""
        async with AsyncExitStack() as stack:
            await self._kafka.wait_until_up(lambda: stack.enter_async_context(self._producing), kafka_outage)
            self.connected.set()
            while True:
                await self._producing.renew(*await self._failures.get())

    async def send(self, lane: Lane, job: Job) -> None:
        """Sends a job once, and returns when Kafka has acknowledged it.

        Raises:
            KafkaError: Kafka refuses, or can't be reached.
        """
        await self._send(lambda producer: submit(producer, self._settings, lane, job, self._tracer))

    async def send_event(self, event: Event) -> None:
        """Sends an event once, and returns when Kafka has acknowledged it.

        Raises:
            NotAcknowledgedError: Kafka hasn't answered in time.
            KafkaError: Kafka refuses, or can't be reached.
        """
        try:
            async with asyncio.timeout(ACKNOWLEDGED_S):
                await self._send(lambda producer: send_event(producer, self._settings, event))
        except TimeoutError:
            raise not_acknowledged(f"the {type(event).__name__.lower()}", ACKNOWLEDGED_S) from None

    async def _send(self, send: Callable[[Producer], Awaitable[None]]) -> None:
        if not self.connected.is_set():
            raise KafkaConnectionError("the producer isn't connected yet")
        producer = self._producing.producer
        try:
            await send(producer)
        except TOO_LARGE:
            # The record's fault, not the producer's.
            raise
        except KafkaError as error:
            self._failures.put_nowait((producer, error))
            raise
        self._producing.worked()
