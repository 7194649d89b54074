"""Readiness: what keeps the worker from taking jobs, and what is wrong though it takes them; for `/readyz`."""

import asyncio
from collections.abc import Callable, Mapping

from worker.kafka.consumer.lane_pauses import LanePauses
from worker.lifecycle.dependency import DependencyGate
from worker.lifecycle.signals import ShutdownSignals


class Readiness:
    """Collects the reasons why the worker isn't ready.

    Args:
        assigned: set at the consumer's first assignment.
        topics_read: set when a topic was read to its end for the first time, by what it is called.
        problems: returns what is wrong though the worker takes jobs, such as a topic that it can't follow.
    """

    def __init__(
        self,
        gate: DependencyGate,
        lanes: LanePauses,
        signals: ShutdownSignals,
        assigned: asyncio.Event,
        topics_read: Mapping[str, asyncio.Event],
        *,
        problems: Callable[[], list[str]] = list,
    ) -> None:
        self._gate = gate
        self._lanes = lanes
        self._signals = signals
        self._topics_read = topics_read
        self._problems = problems
        self._assigned = assigned

    def details(self) -> list[str]:
        """What is wrong though the worker takes jobs, a line each."""
        paused = [
            f"lane {lane.value}: paused, nearly all of its records are invalid; "
            f"`chirp-worker lane resume {lane.value}` resumes it"
            for lane in self._lanes.paused
        ]
        return [*self._problems(), *paused]

    def waits_for(self) -> list[str]:
        """One line for each reason; empty when the worker is ready."""
        reasons = [*self._gate.waits_for]
        unread = [name for name, is_read in self._topics_read.items() if not is_read.is_set()]
        if not self._gate.is_open:
            pass
        elif unread:
            reasons += [f"Kafka: {name}, read to its end" for name in unread]
        elif not self._assigned.is_set():
            reasons.append("Kafka: the group's assignment")
        if self._signals.requested:
            reasons.append("nothing: the worker is shutting down")
        return reasons
