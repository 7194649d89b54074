"""What the worker waits for, as /readyz says it."""

import asyncio

from worker.kafka.consumer.lanes import Lanes
from worker.lifecycle.dependency import DependencyGate
from worker.lifecycle.signals import ShutdownSignals


class Readiness:
    """Gathers what keeps the worker, or one of its lanes, from taking jobs.

    `assigned` is set by the consumer's first assignment; None until there is a consumer. `rollout_known` is set by the
    first reading of the rollout's topic; None where the variables say the rollout.
    """

    def __init__(self, gate: DependencyGate, lanes: Lanes, stopping: ShutdownSignals) -> None:
        self._gate = gate
        self._lanes = lanes
        self._stopping = stopping
        self.assigned: asyncio.Event | None = None
        self.rollout_known: asyncio.Event | None = None

    def waits_for(self) -> list[str]:
        """One line for each; empty when it is ready."""
        reasons = [*self._gate.waits_for]
        if not self._gate.is_open:
            pass
        elif self.rollout_known is not None and not self.rollout_known.is_set():
            reasons.append("Kafka: the rollout's topic, read to its end")
        elif self.assigned is None or not self.assigned.is_set():
            reasons.append("Kafka: the group's assignment")
        reasons += [
            f"lane {lane.value}: nearly all of its records are no jobs; `chirp-worker lane resume {lane.value}` ends it"
            for lane in self._lanes.paused
        ]
        if self._stopping.requested:
            reasons.append("nothing: it is stopping")
        return reasons
