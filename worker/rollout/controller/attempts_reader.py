"""Reads the attempts that workers publish, since a time and then live, without a consumer group."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from aiokafka.errors import KafkaError, KafkaTimeoutError

from schemas.enums import Lane
from schemas.times import check_known
from schemas.topics import COMPLETIONS, Delays, lane_of, prefixed, retry_topic
from worker.config.sections import KafkaSettings
from worker.kafka.client.consumer import Consumer, standalone_consumer
from worker.kafka.client.timeout import kafka_timeout
from worker.kafka.client.topics import list_partitions
from worker.kafka.scan.partition_reader import PartitionReader
from worker.lifecycle.clock import Clock
from worker.rollout.analysis.observations import Observation, UnreadableAttemptsError, decode_completion, decode_retry

# A broker answers each fetch within half a second, with or without records. One that hasn't answered for so long is
# gone; aiokafka doesn't report it.
_SILENCE_S: Final = 30.0

ObserveAttempt = Callable[[Observation, datetime], None]
"""Called with each attempt and the time at which its record was published."""


@dataclass
class Source:
    """A partition that is read.

    Attributes:
        lane: the lane of a retry topic; None for completions.
        end: the partition's end when it was opened.
        read_to: all records published before this time are read.
        answered_at: when its broker last answered, by the monotonic clock.
        last_answer_ms: the same as reported by aiokafka; None before the first answer.
    """

    reader: PartitionReader
    lane: Lane | None
    end: int
    read_to: datetime
    answered_at: float
    last_answer_ms: int | None = None


class AttemptsReader:
    """Reads completions and retry records.

    Args:
        consumer: started, with the partitions of `sources` assigned.
    """

    def __init__(self, consumer: Consumer, sources: list[Source], observe: ObserveAttempt, clock: Clock) -> None:
        self._consumer = consumer
        self._sources = sources
        self._observe_attempt = observe
        self._clock = clock
        self._unreadable = 0
        self._topics = {each.reader.partition.topic: 0 for each in sources}
        for each in sources:
            self._topics[each.reader.partition.topic] += 1

    @property
    def caught_up(self) -> bool:
        """Whether all records that existed when it was opened are read."""
        return all(each.reader.position >= each.end for each in self._sources)

    @property
    def read_to(self) -> datetime:
        """All records of all partitions up to this publish time are read; it stands still while a broker is silent."""
        return min(each.read_to for each in self._sources)

    @property
    def unreadable(self) -> int:
        """The number of records from which no attempts could be read."""
        return self._unreadable + sum(each.reader.undecodable for each in self._sources)

    async def poll(self, wait_s: float) -> int:
        """Reads the available records and returns their number.

        Args:
            wait_s: how long to wait for records if there are none, in seconds.

        Raises:
            KafkaError: a broker hasn't answered for 30 s, or a topic's partitions have changed: open the reader again.
        """
        count = await self._read_all()
        if not count and wait_s > 0:
            await asyncio.sleep(wait_s)
            count = await self._read_all()
        for topic, partitions in self._topics.items():
            found = self._consumer.partitions_for_topic(topic)
            if found is not None and len(found) != partitions:
                raise KafkaError(f"{topic} had {partitions} partitions and has {len(found)}")
        return count

    async def _read_all(self) -> int:
        # One partition at a time: skipping an undecodable record then loses no records of other partitions.
        count = 0
        for source in self._sources:
            async with kafka_timeout():
                records = await source.reader.take(0)
            for record in records:
                self._observe(source, record)
            self._note_progress(source)
            if records:
                # aiokafka doesn't yield while it has buffered records, and there may be millions.
                await asyncio.sleep(0)
            count += len(records)
        return count

    def _observe(self, source: Source, record: Any) -> None:
        headers = list(record.headers)
        try:
            published_at = check_known(datetime.fromtimestamp(record.timestamp / 1000, UTC))
            observations = (
                decode_retry(record.value, headers, source.lane)
                if source.lane
                else decode_completion(record.value, headers)
            )
        except (UnreadableAttemptsError, ValueError, TypeError, OverflowError, OSError):
            # A foreign producer may write any timestamp, or none.
            self._unreadable += 1
            return
        for each in observations:
            self._observe_attempt(each, published_at)
        source.read_to = max(source.read_to, min(published_at, self._clock.now()))

    def _note_progress(self, source: Source) -> None:
        answered_ms = source.reader.answered_ms
        if answered_ms is not None and answered_ms != source.last_answer_ms:
            source.last_answer_ms = answered_ms
            source.answered_at = self._clock.monotonic()
        elif self._clock.monotonic() - source.answered_at > _SILENCE_S:
            raise KafkaTimeoutError(f"{source.reader.partition.topic}: no answer for {_SILENCE_S:g} s")
        if answered_ms is not None and source.reader.at_end:
            source.read_to = max(source.read_to, datetime.fromtimestamp(answered_ms / 1000, UTC))


@asynccontextmanager
async def read_attempts(
    settings: KafkaSettings, delays: Delays, since: datetime, observe: ObserveAttempt, clock: Clock
) -> AsyncIterator[AttemptsReader]:
    """Opens a reader of the attempts published since a time.

    Args:
        delays: the retry delays of the deployment; each has its topic.
        since: with an offset.
        observe: called with each attempt.

    Raises:
        TopicError: a topic is missing.
        KafkaError: Kafka can't be reached.
    """
    names = [COMPLETIONS, *(retry_topic(lane, delay) for lane, of_lane in delays.items() for delay in of_lane)]
    async with standalone_consumer(settings, "attempts consumer") as consumer:
        async with kafka_timeout():
            lanes = {
                each: lane_of(name)
                for name in names
                for each in await list_partitions(settings, prefixed(name, settings.topic_prefix))
            }
            await consumer.start()
            consumer.assign(list(lanes))
            # Ends before offsets: a record published in between lies behind the end, and is read all the same.
            ends = await consumer.end_offsets(list(lanes))
            found = await consumer.offsets_for_times(dict.fromkeys(lanes, int(since.timestamp() * 1000)))
        sources = []
        for partition, lane in lanes.items():
            at, end = found.get(partition), ends[partition]
            reader = PartitionReader(consumer, partition, end if at is None else at.offset)
            sources.append(Source(reader, lane, end, since, clock.monotonic()))
        yield AttemptsReader(consumer, sources, observe, clock)
