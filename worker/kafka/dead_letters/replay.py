"""Replays dead letters: sends each job back to its lane together with a marker, in one Kafka transaction."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka.errors import InvalidProducerEpoch, KafkaError, ProducerFenced

from schemas.errors import UnavailableError, UsageError
from schemas.groups import replay_transactional_id
from schemas.headers import Headers
from schemas.topics import DEAD_LETTERS, LANES, prefixed
from worker.config.sections import KafkaSettings
from worker.kafka.client.producer import Producer, connect_producer
from worker.kafka.dead_letters.replay_plan import ReplayItem, marker_headers, split_into_transactions
from worker.kafka.scan.topic_scanner import ProgressCallback
from worker.lifecycle.clock import Clock
from worker.observability.tracing.tracer import NO_TRACER, Tracer

# A killed replay's open transaction blocks the lanes' readers at most this long. A normal transaction takes a
# fraction of a second.
_TRANSACTION_TIMEOUT_S: Final = 15.0


class Replayer:
    """Sends jobs and their markers with a transactional producer: a job is in its lane if and only if it is marked."""

    def __init__(self, producer: Producer, topic_prefix: str, clock: Clock, tracer: Tracer) -> None:
        self._tracer = tracer
        self._producer = producer
        self._topic_prefix = topic_prefix
        self._clock = clock
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Requests the end of the replay; the current transaction is completed."""
        self._stopping.set()

    @property
    def is_stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping.is_set()

    async def replay(self, items: Sequence[ReplayItem], rate: float | None, progress: ProgressCallback) -> int:
        """Sends the items, until all are sent or `stop` is called.

        Args:
            items: in the order in which they are sent.
            rate: the most records a second; None for no limit.
            progress: is called with the number sent and the total.

        Returns:
            The number of items sent.

        Raises:
            UnavailableError: another replay has started, or Kafka failed.
        """
        done = 0
        began = self._clock.monotonic()
        progress(0, len(items))
        for group in split_into_transactions(items, rate):
            if rate is not None:
                await self._wait(began + done / rate - self._clock.monotonic())
            if self.is_stopped:
                break
            try:
                await self._send(group)
            except (ProducerFenced, InvalidProducerEpoch):
                raise UnavailableError(
                    f"another replay has started and ended this one, or Kafka waited more than "
                    f"{_TRANSACTION_TIMEOUT_S:g} s for it; {done} were replayed here"
                ) from None
            except KafkaError as error:
                raise UnavailableError(
                    f"{done} were replayed, then Kafka: {type(error).__name__}: {error}; "
                    "the same command replays the others"
                ) from error
            done += len(group)
            progress(done, len(items))
        return done

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._stopping.wait()
        except TimeoutError:
            pass

    async def _send(self, group: list[ReplayItem]) -> None:
        letters = prefixed(DEAD_LETTERS, self._topic_prefix)
        async with self._producer.transaction():
            sends = []
            for item in group:
                lane = prefixed(LANES[item.lane], self._topic_prefix)
                marker = marker_headers(item, self._clock.now())
                sends += [
                    self._send_job(lane, item),
                    self._send_one(letters, item.letter.id.encode(), None, marker),
                ]
            await asyncio.gather(*sends)

    async def _send_job(self, lane: str, item: ReplayItem) -> None:
        span = self._tracer.publish(replay_of=item.headers, dead_letter=item.letter.id, lane=item.lane.value)
        with span as publishing:
            await self._send_one(lane, item.letter.key, item.value, publishing.headers(lane, item.headers))

    async def _send_one(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        acknowledged = await self._producer.send(topic, value=value, key=key, headers=headers)
        await acknowledged


@asynccontextmanager
async def connect_replayer(
    settings: KafkaSettings, clock: Clock, tracer: Tracer = NO_TRACER
) -> AsyncIterator[Replayer]:
    """Connects the only replayer of a deployment: it fences one that is still running.

    Read the dead letters after it has connected: then no other replay can mark any in between.

    Raises:
        UsageError: the settings say that the broker has no transactions.
        KafkaConnectionError: Kafka can't be reached.
    """
    if not settings.idempotence:
        raise UsageError("KAFKA_IDEMPOTENCE='false': a replay needs a broker with transactions, and the value true")
    transactional_id = replay_transactional_id(settings.group_id)
    asyncio.get_running_loop().set_exception_handler(_ignore_unawaited_sends)
    async with connect_producer(settings, transactional_id, _TRANSACTION_TIMEOUT_S) as producer:
        yield Replayer(producer, settings.topic_prefix, clock, tracer)


def _ignore_unawaited_sends(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    # aiokafka leaves futures of a failed batch that nobody awaits; asyncio would log a traceback for each.
    if not isinstance(context.get("exception"), KafkaError):
        loop.default_exception_handler(context)
