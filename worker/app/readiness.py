"""Readiness: what keeps the worker, or one of its lanes, from taking jobs; `/readyz` reports it."""

import asyncio

from worker.kafka.consumer.lanes import Lanes
from worker.lifecycle.dependency import DependencyGate
from worker.lifecycle.signals import ShutdownSignals


class Readiness:
    """Collects the reasons why the worker isn't ready.

    Args:
        assigned: set at the consumer's first assignment.
        rollout_known: set when the topic of the rollout was read for the first time; None with `ROLLOUT_SOURCE=env`.
    """

    def __init__(
        self,
        gate: DependencyGate,
        lanes: Lanes,
        signals: ShutdownSignals,
        assigned: asyncio.Event,
        rollout_known: asyncio.Event | None,
    ) -> None:
        self._gate = gate
        self._lanes = lanes
        self._signals = signals
        self._rollout_known = rollout_known
        self._assigned = assigned

    def waits_for(self) -> list[str]:
        """One line for each reason; empty when the worker is ready."""
        reasons = [*self._gate.waits_for]
        if not self._gate.is_open:
            pass
        elif self._rollout_known is not None and not self._rollout_known.is_set():
            reasons.append("Kafka: the rollout's topic, read to its end")
        elif not self._assigned.is_set():
            reasons.append("Kafka: the group's assignment")
        reasons += [
            f"lane {lane.value}: paused, nearly all of its records are invalid; "
            f"`chirp-worker lane resume {lane.value}` resumes it"
            for lane in self._lanes.paused
        ]
        if self._signals.requested:
            reasons.append("nothing: the worker is shutting down")
        return reasons
