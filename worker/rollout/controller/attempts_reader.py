"""Reads the attempts that workers publish, since a time and then live, without a consumer group.

Beside them it reads feedback and votes, if a plan counts them.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from aiokafka.errors import KafkaError, KafkaTimeoutError

from schemas.enums import Lane
from schemas.headers import Headers
from schemas.message_parsing import InvalidMessageError, parse_feedback, parse_vote
from schemas.times import check_known
from schemas.topics import COMPLETIONS, FEEDBACK, VOTES, Delays, lane_of, prefixed, retry_topic
from worker.config.sections import KafkaSettings
from worker.kafka.client.consumer import standalone_consumer
from worker.kafka.client.consumer_interface import Consumer
from worker.kafka.client.timeout import kafka_timeout
from worker.kafka.client.topics import list_partitions
from worker.kafka.scan.partition_reader import PartitionReader
from worker.lifecycle.clock import Clock
from worker.rollout.analysis.observations import UnreadableAttemptsError, decode_completion, decode_retry
from worker.rollout.controller.evidence import ObserveAttempt, Observers

# A broker answers each fetch within half a second, with or without records. One that hasn't answered for so long is
# gone; aiokafka doesn't report it.
_SILENCE_S: Final = 30.0

ATTEMPTS: Final = "attempts"
_CONTENTS: Final = {FEEDBACK: "feedback", VOTES: "votes"}

Handle = Callable[[bytes | None, Headers, datetime], None]
"""Handles a record's value and headers, and the time at which it was published; raises if it can't be read."""
_UNREADABLE: Final = (
    UnreadableAttemptsError,
    InvalidMessageError,
    # A foreign producer may write any timestamp, or none.
    ValueError,
    TypeError,
    OverflowError,
    OSError,
)


@dataclass
class Source:
    """A partition that is read.

    Attributes:
        handle: handles its records.
        end: the partition's end when it was opened.
        read_to: all records published before this time are read.
        answered_at: when its broker last answered, by the monotonic clock.
        last_answer_ms: the same as reported by aiokafka; None before the first answer.
        holds: attempts, feedback or votes.
        unreadable: how many of its records couldn't be handled.
    """

    reader: PartitionReader
    handle: Handle
    end: int
    read_to: datetime
    answered_at: float
    last_answer_ms: int | None = None
    holds: str = ATTEMPTS
    unreadable: int = 0


class AttemptsReader:
    """Reads completions and retry records, and perhaps feedback and votes.

    Args:
        consumer: started, with the partitions of `sources` assigned.
    """

    def __init__(self, consumer: Consumer, sources: list[Source], clock: Clock) -> None:
        self._consumer = consumer
        self._sources = sources
        self._clock = clock
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
        """The number of records that couldn't be read."""
        return sum(self.unreadable_by_content().values())

    def unreadable_by_content(self) -> dict[str, int]:
        """The same of attempts, feedback and votes, as far as they are read."""
        counts = {each.holds: 0 for each in self._sources}
        for each in self._sources:
            counts[each.holds] += each.unreadable + each.reader.undecodable
        return counts

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
                self._handle(source, record)
            self._note_progress(source)
            if records:
                # aiokafka doesn't yield while it has buffered records, and there may be millions.
                await asyncio.sleep(0)
            count += len(records)
        return count

    def _handle(self, source: Source, record: Any) -> None:
        try:
            published_at = check_known(datetime.fromtimestamp(record.timestamp / 1000, UTC))
            source.handle(record.value, list(record.headers), published_at)
        except _UNREADABLE:
            source.unreadable += 1
            return
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


def attempt_handler(observe: ObserveAttempt, lane: Lane | None) -> Handle:
    """Return what handles the records of a lane's retries, or of completions if there is no lane."""

    def handle(value: bytes | None, headers: Headers, published_at: datetime) -> None:
        for each in decode_retry(value, headers, lane) if lane else decode_completion(value, headers):
            observe(each, published_at)

    return handle


def _handlers(observers: Observers, delays: Delays) -> dict[str, Handle]:
    """Return what handles the records of each topic, by its name in the table."""
    retries = [retry_topic(lane, delay) for lane, of_lane in delays.items() for delay in of_lane]
    handlers = {name: attempt_handler(observers.attempt, lane_of(name)) for name in (COMPLETIONS, *retries)}
    feedback, vote = observers.feedback, observers.vote
    if feedback is not None:
        handlers[FEEDBACK] = lambda value, _, published_at: feedback(parse_feedback(value), published_at)
    if vote is not None:
        handlers[VOTES] = lambda value, _headers, _published_at: vote(parse_vote(value))
    return handlers


@asynccontextmanager
async def read_attempts(
    settings: KafkaSettings, delays: Delays, since: datetime, observers: Observers, clock: Clock
) -> AsyncIterator[AttemptsReader]:
    """Opens a reader of the attempts published since a time, and of what else somebody observes; of all votes.

    Args:
        delays: the retry delays of the deployment; each has its topic.
        since: with an offset.
        observers: who gets what is read.

    Raises:
        TopicError: a topic is missing.
        KafkaError: Kafka can't be reached.
    """
    async with standalone_consumer(settings, "attempts consumer") as consumer:
        async with kafka_timeout():
            topics = {
                each: (name, handle)
                for name, handle in _handlers(observers, delays).items()
                for each in await list_partitions(settings, prefixed(name, settings.topic_prefix))
            }
            await consumer.start()
            consumer.assign(list(topics))
            # Ends before offsets: a record published in between lies behind the end, and is read all the same.
            ends = await consumer.end_offsets(list(topics))
            begins = await consumer.beginning_offsets([each for each, (name, _) in topics.items() if name == VOTES])
            found = await consumer.offsets_for_times(dict.fromkeys(topics, int(since.timestamp() * 1000)))
        sources = []
        for partition, (name, handle) in topics.items():
            at, end = found.get(partition), ends[partition]
            begin = begins.get(partition, end if at is None else at.offset)
            reader = PartitionReader(consumer, partition, begin)
            holds = _CONTENTS.get(name, ATTEMPTS)
            sources.append(Source(reader, handle, end, since, clock.monotonic(), holds=holds))
        yield AttemptsReader(consumer, sources, clock)
