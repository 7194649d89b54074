"""Positions outside of a partition's log: records that expired before they were taken, and a log that lost its end.

Kafka answers a fetch with OffsetOutOfRange where the log doesn't hold the next offset. Gaps inside of the log are
ordinary: transaction markers, aborted records and compacted ones leave them.
"""

from typing import Final

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError

from worker.kafka.client.consumer_interface import Consumer
from worker.kafka.client.timeout import kafka_timeout
from worker.kafka.consumer.assignment import AssignedPartitions
from worker.lifecycle.clock import Clock
from worker.observability.metrics import Metrics

OUTSIDE_LOG: Final = (NoOffsetForPartitionError, OffsetOutOfRangeError)
"""What a read raises where a partition has no position, or one that its log doesn't hold."""

_RETRY_S: Final = 1.0
_log = structlog.get_logger(__name__)


class LogBounds:
    """Finds a position inside of the log again, and says what was lost."""

    def __init__(self, consumer: Consumer, partitions: AssignedPartitions, metrics: Metrics, clock: Clock) -> None:
        self._consumer = consumer
        self._partitions = partitions
        self._metrics = metrics
        self._clock = clock

    async def recover(self, error: KafkaError) -> None:
        """Sets positions after an error of `OUTSIDE_LOG`. A partition whose broker doesn't answer is tried again."""
        if isinstance(error, NoOffsetForPartitionError):
            # A new group, or a new partition: nothing was committed, so nothing can have been lost.
            await self._partitions.begin_fresh()
            return
        for partition, offset in dict(error.args[0]).items():
            try:
                async with kafka_timeout():
                    begin = (await self._consumer.beginning_offsets([partition]))[partition]
                    end = (await self._consumer.end_offsets([partition]))[partition]
            except KafkaError:
                # The position is as it was: the next read meets it again.
                begin = end = offset
            self._recover(partition, offset, begin, end)

    def _recover(self, partition: TopicPartition, offset: int, begin: int, end: int) -> None:
        owned = self._partitions.owned.get(partition)
        if owned is None:
            # A rebalance has taken it away meanwhile.
            return
        place = {"topic": partition.topic, "partition": partition.partition}
        if offset < begin:
            lost = self._partitions.skip_to(partition, offset, begin)
            count = sum(stop - start for start, stop in lost)
            if count:
                self._metrics.count_lost(owned.source.lane, count)
                _log.error(
                    "records_lost",
                    **place,
                    first=lost[0][0],
                    last=lost[-1][1] - 1,
                    at_most=count,
                    detail="Kafka deleted them before a worker took them: the topic's retention is shorter than the "
                    "wait; send their jobs again",
                )
        elif offset > end:
            self._partitions.restart(partition, begin)
            _log.error(
                "offsets_went_back",
                **place,
                first=end,
                last=offset - 1,
                detail="the topic was created again, or an election lost its log's end; it is read from its beginning, "
                f"{begin}, and jobs that were done are done again",
            )
        else:
            self._partitions.hold(partition, self._clock.monotonic() + _RETRY_S)
