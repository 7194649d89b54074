"""Consumer reads by lane: skips paused lanes and retries that aren't due, and steps over undecodable records."""

import random
from collections.abc import Sequence
from functools import partial
from typing import Final

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import CorruptRecordException, IllegalStateError, UnsupportedCodecError

from schemas.enums import Lane
from schemas.times import known_ms
from worker.kafka.client.consumer_interface import Consumer, ReceivedRecord
from worker.kafka.client.topics import Source
from worker.kafka.client.unfolding import OversizedBatch
from worker.kafka.consumer.assignment import AssignedPartitions
from worker.kafka.consumer.lane_pauses import LanePauses
from worker.kafka.consumer.ports import StartJob
from worker.kafka.consumer.record import Record
from worker.kafka.consumer.retry_headers import due_ms, longest_wait_s
from worker.lifecycle.clock import Clock

_POLL_MS: Final = 500
# Every partition's offset map must have room for as many records. A larger limit would reserve room that few of the
# partitions need.
MOST_AT_ONCE: Final = 64
_NOWHERE: Final = TopicPartition("nowhere", 0)
_BROKEN: Final = (CorruptRecordException, UnsupportedCodecError)
_UNREADABLE: Final = (UnicodeDecodeError, *_BROKEN)
_HELD_S: Final = 30.0
_log = structlog.get_logger(__name__)


class LaneReader:
    """Reads one lane's records from an aiokafka consumer."""

    def __init__(self, consumer: Consumer, partitions: AssignedPartitions, lanes: LanePauses, clock: Clock) -> None:
        self._consumer = consumer
        self._partitions = partitions
        self._lanes = lanes
        self._clock = clock
        self._probed: set[TopicPartition] = set()

    async def take(self, lane: Lane, room: int, start: StartJob, *, wait: bool = True) -> int:
        """Reads at most `room` records of a lane and starts a job for each. Both lanes may be read concurrently.

        Args:
            wait: whether to wait up to 0.5 s if there are no records.

        Returns:
            The number of started jobs.
        """
        at_s = self._clock.monotonic()
        room = min(room, MOST_AT_ONCE)
        if self._lanes.to_probe(lane) and (came := await self._take_probe(lane, at_s, start)):
            return came
        allowed = partial(self._allows, lane)
        # With no partition in the call, aiokafka reads from all of them.
        partitions = self._partitions.takeable(allowed, room, at_s) or [_NOWHERE]
        due_s = self._partitions.next_due_s(at_s)
        wait_ms = _POLL_MS if due_s is None else min(_POLL_MS, max(1, int((due_s - at_s) * 1000)))
        return await self._poll(partitions, room, wait_ms if wait else 0, start)

    def _allows(self, lane: Lane, source: Source) -> bool:
        return source.lane is lane and self._lanes.allow(source)

    async def _take_probe(self, lane: Lane, at_s: float, start: StartJob) -> int:
        """Takes one record of a paused lane, from each partition in turn: invalid ones must not hide others' jobs."""
        partitions = self._partitions.takeable(Source(lane).__eq__, 1, at_s)
        unprobed = [each for each in partitions if each not in self._probed]
        if came := await self._poll(unprobed, 1, 0, partial(self._probe, start)):
            return came
        if len(unprobed) == len(partitions):
            return 0
        self._probed -= set(partitions)
        return await self._poll(partitions, 1, 0, partial(self._probe, start))

    def _probe(self, start: StartJob, partition: TopicPartition, record: Record) -> None:
        self._probed.add(partition)
        self._lanes.probed(record)
        start(partition, record)

    async def keep_membership(self) -> None:
        """Polls without reading a record: a consumer that doesn't poll for `max_poll_interval_ms` leaves its group."""
        await self._consumer.getmany(_NOWHERE, timeout_ms=0)

    async def _poll(self, partitions: list[TopicPartition], room: int, wait_ms: int, start: StartJob) -> int:
        if not partitions:
            return 0
        try:
            taken = await self._consumer.getmany(*partitions, timeout_ms=wait_ms, max_records=room)
        except _UNREADABLE:
            return await self._take_around_unreadable(partitions, room, start)
        return sum(self._start_due(partition, records, start) for partition, records in taken.items())

    def _start_due(self, partition: TopicPartition, records: Sequence[ReceivedRecord], start: StartJob) -> int:
        source = self._partitions.source(partition)
        for number, raw in enumerate(records):
            record = self._record(partition, raw)
            if source.delay is not None and (left_s := self._left_s(partition, record, source.delay)):
                # The records after it are read again with it.
                self._partitions.defer(partition, raw.offset, self._clock.monotonic() + left_s)
                return number
            start(partition, record)
        return len(records)

    def _left_s(self, partition: TopicPartition, record: Record, delay: str) -> float:
        owned = self._partitions.owned.get(partition)
        if owned is None:
            return 0.0
        due = due_ms(record, delay)
        return owned.retry_wait.left_s(
            record.offset, due, self._now_ms(), self._clock.monotonic(), longest_wait_s(delay)
        )

    async def _take_around_unreadable(self, partitions: list[TopicPartition], room: int, start: StartJob) -> int:
        """Finds a record that aiokafka can't decode (a header name that isn't UTF-8), and steps over it.

        A batch that is unreadable as a whole blocks its own partition only.

        Args:
            partitions: at least one of them has the unreadable record.
            room: the limit over all partitions.

        Returns:
            The number of started jobs.
        """
        # The error discarded the other records of this poll, but the consumer's positions have moved past them.
        await self._partitions.rewind(partitions)
        # Equal shares in random order: one partition's backlog must not hide another's unreadable record for ever.
        share = max(1, room // len(partitions))
        came = 0
        for partition in random.sample(partitions, len(partitions)):
            if came >= room:
                break
            try:
                came += await self._take_one_by_one(partition, min(room - came, share), start)
            except IllegalStateError:
                # A rebalance has revoked this partition meanwhile.
                continue
        return came

    async def _take_one_by_one(self, partition: TopicPartition, room: int, start: StartJob) -> int:
        """Reads up to `room` records one by one, so that a decoding error leaves the position at the unreadable record.

        Returns:
            The number of started jobs.
        """
        for number in range(room):
            if await self._is_at_end(partition):
                return number
            try:
                taken = await self._consumer.getmany(partition, timeout_ms=_POLL_MS, max_records=1)
            except UnicodeDecodeError as error:
                offset = await self._consumer.position(partition)
                self._consumer.seek(partition, offset + 1)
                start(partition, self._unreadable(partition, offset, str(error)))
                return number + 1
            except _BROKEN as error:
                # The whole batch is unreadable. Stepping over it could lose jobs, so the partition is held instead.
                self._partitions.hold(partition, self._clock.monotonic() + _HELD_S)
                _log.error(
                    "batch_unreadable",
                    topic=partition.topic,
                    partition=partition.partition,
                    error=f"{type(error).__name__}: {error}",
                    detail=f"other partitions continue; this one is retried in {_HELD_S:g} s",
                )
                return number
            if not taken or not self._start_due(partition, taken[partition], start):
                return number
        return room

    async def _is_at_end(self, partition: TopicPartition) -> bool:
        """Whether the partition has no more records: a wait for each idle one would delay all the others."""
        position = await self._consumer.position(partition)
        high = self._consumer.highwater(partition)
        return high is not None and position >= high

    def _record(self, partition: TopicPartition, raw: ReceivedRecord) -> Record:
        if isinstance(raw, OversizedBatch):
            return self._unreadable(partition, raw.offset, raw.unreadable)
        source, now_ms = self._partitions.source(partition), self._now_ms()
        return Record(
            lane=source.lane,
            topic=raw.topic,
            partition=raw.partition,
            offset=raw.offset,
            key=raw.key,
            value=raw.value,
            headers=list(raw.headers),
            # A record may have no timestamp, or one in seconds or nanoseconds: the time of arrival stands in for it.
            timestamp_ms=known_ms(raw.timestamp, now_ms) or now_ms,
            delay=source.delay,
        )

    def _unreadable(self, partition: TopicPartition, offset: int, why: str) -> Record:
        source = self._partitions.source(partition)
        return Record(
            lane=source.lane,
            topic=partition.topic,
            partition=partition.partition,
            offset=offset,
            key=None,
            value=None,
            timestamp_ms=self._now_ms(),
            unreadable=why,
            delay=source.delay,
        )

    def _now_ms(self) -> int:
        return int(self._clock.now().timestamp() * 1000)
