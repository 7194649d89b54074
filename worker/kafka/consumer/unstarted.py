"""Age of the oldest job that no worker has started, by lane: what an autoscaler of workers follows."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Final

from aiokafka import TopicPartition
from aiokafka.errors import CorruptRecordException, IllegalStateError, KafkaError, UnsupportedCodecError

from schemas.enums import Lane
from schemas.times import known_ms
from worker.kafka.client.consumer_interface import Consumer
from worker.kafka.client.timeout import kafka_timeout
from worker.kafka.consumer.assignment import AssignedPartitions
from worker.lifecycle.clock import Clock
from worker.observability.metrics import Metrics

_LOOK_UP_S: Final = 2.0
_RECORD_WAIT_MS: Final = 500
_UNREADABLE: Final = (UnicodeDecodeError, CorruptRecordException, UnsupportedCodecError)

OpenReader = Callable[[], AbstractAsyncContextManager[Consumer]]
"""Opens a consumer without a group."""


@dataclass(frozen=True)
class _FirstRecord:
    """What a look-up found at or above an offset: a record's time, or None if there was no readable record.

    Attributes:
        offset: where it was looked for.
        end: the end of the log at that time.
    """

    offset: int
    end: int
    timestamp_ms: int | None


class UnstartedJobs:
    """Looks up the first record of each partition of a lane that waits in Kafka for a slot, and exports its age.

    The lanes' consumer can't look at a record without taking it, so a consumer without a group reads it. That one is
    open only while something waits, and then stays open: with TLS and a login a connection costs the brokers more than
    a fetch, and some clusters count connections. Retries don't count: they wait for their delay.

    Args:
        unstarted: returns the first offset that wasn't taken and the end of the log, of each partition with such
            offsets.
    """

    def __init__(
        self,
        unstarted: Callable[[], Mapping[TopicPartition, tuple[int, int]]],
        partitions: AssignedPartitions,
        open_reader: OpenReader,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self._unstarted = unstarted
        self._partitions = partitions
        self._open_reader = open_reader
        self._clock = clock
        self._found: dict[TopicPartition, _FirstRecord] = {}
        self._opened = AsyncExitStack()
        self._reader: Consumer | None = None
        for lane in Lane:
            metrics.track_oldest_unstarted(lane, partial(self.age_s, lane))

    async def run(self) -> None:
        """Looks up every 2 s until it is cancelled."""
        try:
            while True:
                await asyncio.sleep(_LOOK_UP_S)
                await self.look_up()
        finally:
            await self._close()

    def age_s(self, lane: Lane) -> float:
        """Age of a lane's oldest unstarted job as of the last look-up, in seconds; 0 if there is none."""
        waiting = self._waiting()
        times = [
            found.timestamp_ms
            for partition, found in self._found.items()
            if found.timestamp_ms is not None
            and partition in waiting
            and self._partitions.source(partition).lane is lane
        ]
        return max(0.0, self._now_ms() - min(times)) / 1000 if times else 0.0

    async def look_up(self) -> None:
        """Looks up once; where Kafka doesn't answer, the last answer holds while its record still waits."""
        waiting = self._waiting()
        self._found = {
            partition: found
            for partition, found in self._found.items()
            if partition in waiting and _holds(found, *waiting[partition])
        }
        if not waiting:
            await self._close()
        if new := {each: where for each, where in waiting.items() if each not in self._found}:
            try:
                async with kafka_timeout(len(new) * _RECORD_WAIT_MS / 1000):
                    await self._read_first(await self._open(), new)
            except (KafkaError, IllegalStateError):
                # The worker's own consumer notices an outage of Kafka and reports it.
                await self._close()

    async def _open(self) -> Consumer:
        if self._reader is None:
            reader = await self._opened.enter_async_context(self._open_reader())
            await reader.start()
            self._reader = reader
        return self._reader

    async def _close(self) -> None:
        self._reader = None
        await self._opened.aclose()

    async def _read_first(self, reader: Consumer, new: Mapping[TopicPartition, tuple[int, int]]) -> None:
        reader.assign([*new])
        for partition, (offset, _) in new.items():
            reader.seek(partition, offset)
        for partition, (offset, end) in new.items():
            try:
                # One by one: an unreadable record must not hide what waits in other partitions.
                taken = await reader.getmany(partition, timeout_ms=_RECORD_WAIT_MS, max_records=1)
            except _UNREADABLE:
                taken = {}
            now_ms = self._now_ms()
            times = [known_ms(record.timestamp, now_ms) or now_ms for record in taken.get(partition, ())]
            self._found[partition] = _FirstRecord(offset, end, min(times, default=None))

    def _waiting(self) -> dict[TopicPartition, tuple[int, int]]:
        return {p: where for p, where in self._unstarted().items() if self._partitions.source(p).delay is None}

    def _now_ms(self) -> int:
        return int(self._clock.now().timestamp() * 1000)


def _holds(found: _FirstRecord, offset: int, end: int) -> bool:
    """Whether a look-up is still right: the same record is first, or there still is none."""
    return found.offset == offset and (found.timestamp_ms is not None or found.end == end)
