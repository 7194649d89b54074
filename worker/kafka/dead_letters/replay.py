"""Replay: puts dead letters back into their lanes, each together with a marker that tells of it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka.errors import InvalidProducerEpoch, KafkaError, ProducerFenced

from schemas.errors import UnavailableError, UsageError
from schemas.headers import Headers
from schemas.topics import DEAD_LETTERS, LANES, prefixed
from worker.config.sections import KafkaSettings
from worker.kafka.client.factory import connect_producer
from worker.kafka.dead_letters.replay_plan import ReplayItem, groups, marker_headers
from worker.kafka.scan.topic_scanner import Progress
from worker.lifecycle.clock import Clock

# A replay that is killed holds its lanes' readers back so long at most; a group takes a fraction of a second.
_TRANSACTION_TIMEOUT_S: Final = 15.0


class Replayer:
    """Sends items by a producer of transactions: what is sent is marked, what isn't sent isn't, whatever happens."""

    def __init__(self, producer: Any, topic_prefix: str, clock: Clock) -> None:
        self._producer = producer
        self._topic_prefix = topic_prefix
        self._clock = clock
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Ends after the group that is under way."""
        self._stopping.set()

    @property
    def is_stopped(self) -> bool:
        """Whether it was asked to end."""
        return self._stopping.is_set()

    async def replay(self, items: Sequence[ReplayItem], rate: float | None, progress: Progress) -> int:
        """Sends the items, or as many as there are until `stop`.

        Args:
            items: what to send.
            rate: records a second at most; None for no limit.
            progress: is told how many are sent, and of how many.

        Returns:
            How many were sent.

        Raises:
            UnavailableError: another replay has begun, or Kafka failed.
        """
        done = 0
        began = self._clock.monotonic()
        progress(0, len(items))
        for group in groups(items, rate):
            if rate is not None:
                await self._wait(began + done / rate - self._clock.monotonic())
            if self.is_stopped:
                break
            try:
                await self._send(group)
            except (ProducerFenced, InvalidProducerEpoch):
                raise UnavailableError(
                    f"another replay has begun and ended this one, or Kafka waited over {_TRANSACTION_TIMEOUT_S:g} s "
                    f"for it; {done} were replayed here"
                ) from None
            except KafkaError as error:
                raise UnavailableError(
                    f"{done} were replayed, then Kafka: {type(error).__name__}: {error}; "
                    "the same command replays those that weren't"
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
            sending = []
            for item in group:
                lane = prefixed(LANES[item.lane], self._topic_prefix)
                marker = marker_headers(item, self._clock.now())
                sending += [
                    self._send_one(lane, item.letter.key, item.value, item.headers),
                    self._send_one(letters, item.letter.id.encode(), None, marker),
                ]
            await asyncio.gather(*sending)

    async def _send_one(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        acknowledged = await self._producer.send(topic, value=value, key=key, headers=headers)
        await acknowledged


@asynccontextmanager
async def connect_replayer(settings: KafkaSettings, clock: Clock) -> AsyncIterator[Replayer]:
    """A replayer, alone in its deployment: one that was under way is ended by it.

    Letters must be read after it is there: then no other replay can mark any in between.

    Raises:
        UsageError: the broker has no transactions, by the settings.
        KafkaConnectionError: Kafka can't be reached.
    """
    if not settings.idempotence:
        raise UsageError("KAFKA_IDEMPOTENCE='false': replay needs a broker with transactions, and true")
    transactional_id = f"{settings.group_id}-replay"
    asyncio.get_running_loop().set_exception_handler(_without_forgotten_batches)
    async with connect_producer(settings, transactional_id, _TRANSACTION_TIMEOUT_S) as producer:
        yield Replayer(producer, settings.topic_prefix, clock)


def _without_forgotten_batches(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    # Of a failed batch aiokafka has futures that nobody awaits; each would be told of with a traceback.
    if not isinstance(context.get("exception"), KafkaError):
        loop.default_exception_handler(context)
