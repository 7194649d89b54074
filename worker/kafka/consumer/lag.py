"""Consumer lag and age of the oldest unfinished job, by lane, as the metrics export them."""

import asyncio
from typing import Final

from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from schemas.enums import Lane
from worker.kafka.client.consumer_interface import Consumer
from worker.kafka.client.timeout import kafka_timeout
from worker.kafka.consumer.assignment import AssignedPartitions
from worker.kafka.consumer.partition import OwnedPartition
from worker.lifecycle.clock import Clock
from worker.observability.metrics import Metrics

_MEASURE_S: Final = 0.25
_LOOK_UP_S: Final = 2.0


class LagMonitor:
    """Sets the metrics of lag and age regularly.

    Lag is what is unfinished: what is done above the committed offset doesn't count. The ends of the logs are looked
    up: what a fetch has seen last is old where all slots are busy, and missing where nothing could be fetched yet. New
    partitions that no worker serves yet are counted by the worker that serves their topic's partition 0.
    """

    def __init__(self, consumer: Consumer, partitions: AssignedPartitions, metrics: Metrics, clock: Clock) -> None:
        self._consumer = consumer
        self._partitions = partitions
        self._metrics = metrics
        self._clock = clock
        self._begins: dict[TopicPartition, int] = {}
        self._ends: dict[TopicPartition, int] = {}

    async def run(self) -> None:
        """Measures four times a second until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._look_up_regularly(), name="ends of the logs")
            while True:
                await asyncio.sleep(_MEASURE_S)
                self.measure()

    def measure(self) -> None:
        """Measures once."""
        now_ms = self._clock.now().timestamp() * 1000
        lag = dict.fromkeys(Lane, 0)
        oldest_ms: dict[Lane, float] = dict.fromkeys(Lane, now_ms)
        for partition, owned in self._partitions.owned.items():
            lane, tracker = owned.source.lane, owned.tracker
            lag[lane] += self._unfinished(partition, owned)
            if tracker is not None and tracker.oldest_timestamp_ms is not None:
                oldest_ms[lane] = min(oldest_ms[lane], tracker.oldest_timestamp_ms)
        for partition in self._partitions.unserved():
            lane = self._partitions.source(partition).lane
            lag[lane] += max(0, self._ends.get(partition, 0) - self._begins.get(partition, 0))
        for lane in Lane:
            self._metrics.lag.labels(lane).set(lag[lane])
            self._metrics.oldest.labels(lane).set(max(0.0, (now_ms - oldest_ms[lane]) / 1000))

    def unstarted(self) -> dict[TopicPartition, tuple[int, int]]:
        """Of each partition of ours with records that weren't taken yet: the first one's offset, and the log's end."""
        found = {}
        for partition, owned in self._partitions.owned.items():
            end = self._end(partition)
            begin = self._begins.get(partition, 0) if owned.tracker is None else owned.tracker.position
            if end is not None and begin < end:
                found[partition] = begin, end
        return found

    async def look_up(self) -> None:
        """Looks up where the logs begin and end; what isn't answered stays as it was."""
        served = list(self._partitions.owned)
        new = self._partitions.unserved()
        try:
            async with kafka_timeout():
                self._begins |= await self._consumer.beginning_offsets([*new, *self._partitions.fresh()])
                self._ends = await self._consumer.end_offsets([*served, *new])
        except (KafkaError, IllegalStateError):
            # A partition without a leader, or a rebalance: what the fetches see counts meanwhile.
            self._ends = {}

    async def _look_up_regularly(self) -> None:
        while True:
            await self.look_up()
            await asyncio.sleep(_LOOK_UP_S)

    def _unfinished(self, partition: TopicPartition, owned: OwnedPartition) -> int:
        end = self._end(partition)
        if end is None:
            return 0
        begin = self._begins.get(partition, 0) if owned.tracker is None else owned.tracker.committable
        done_above = owned.tracker.done_above_count if owned.tracker is not None else 0
        committed: int = owned.committed.offset
        return max(0, end - max(committed, begin) - done_above)

    def _end(self, partition: TopicPartition) -> int | None:
        # In a rebalance what we own and what the consumer has assigned differ for a moment.
        if partition not in self._consumer.assignment():
            return None
        return max(self._consumer.highwater(partition) or 0, self._ends.get(partition, 0))
