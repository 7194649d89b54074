"""Consumer lag and age of the oldest unfinished job, by lane, as the metrics export them."""

import asyncio
from typing import Final

from schemas.enums import Lane
from worker.kafka.client.consumer import Consumer
from worker.kafka.consumer.assignment import AssignedPartitions
from worker.lifecycle.clock import Clock
from worker.observability.metrics import Metrics

_MEASURE_S: Final = 0.25


class LagMonitor:
    """Sets the metrics of lag and age regularly.

    Lag is what is unfinished: what is done above the committed offset doesn't count.
    """

    def __init__(self, consumer: Consumer, partitions: AssignedPartitions, metrics: Metrics, clock: Clock) -> None:
        self._consumer = consumer
        self._partitions = partitions
        self._metrics = metrics
        self._clock = clock

    async def run(self) -> None:
        """Measures four times a second until it is cancelled."""
        while True:
            await asyncio.sleep(_MEASURE_S)
            self.measure()

    def measure(self) -> None:
        """Measures once."""
        now_ms = self._clock.now().timestamp() * 1000
        lag = dict.fromkeys(Lane, 0)
        oldest_ms: dict[Lane, float] = dict.fromkeys(Lane, now_ms)
        for partition, owned in self._partitions.owned.items():
            # In a rebalance what we own and what the consumer has assigned differ for a moment.
            assigned = partition in self._consumer.assignment()
            high = self._consumer.highwater(partition) if assigned else None
            lane, tracker = owned.source.lane, owned.tracker
            if high is not None:
                done = max(owned.committed.offset, tracker.committable if tracker else 0)
                lag[lane] += max(0, high - done - (tracker.done_above_count if tracker else 0))
            if tracker is not None and tracker.oldest_timestamp_ms is not None:
                oldest_ms[lane] = min(oldest_ms[lane], tracker.oldest_timestamp_ms)
        for lane in Lane:
            self._metrics.lag.labels(lane).set(lag[lane])
            self._metrics.oldest.labels(lane).set(max(0.0, (now_ms - oldest_ms[lane]) / 1000))
