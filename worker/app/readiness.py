"""Readiness: what keeps the worker from taking jobs, and what is wrong though it takes them; for `/readyz`."""

import asyncio
from collections.abc import Callable

from worker.kafka.consumer.lane_pauses import LanePauses
from worker.lifecycle.dependency import DependencyGate
from worker.lifecycle.signals import ShutdownSignals


class Readiness:
    """Collects the reasons why the worker isn't ready.

    Args:
        assigned: set at the consumer's first assignment.
        rollout_known: set when the topic of the rollout was read for the first time; None with `ROLLOUT_SOURCE=env`.
        rollout_problem: returns why the worker doesn't follow the rollout while it works; None if it does.
    """

    def __init__(
        self,
        gate: DependencyGate,
        lanes: LanePauses,
        signals: ShutdownSignals,
        assigned: asyncio.Event,
        rollout_known: asyncio.Event | None,
        *,
        rollout_problem: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._gate = gate
        self._lanes = lanes
        self._signals = signals
        self._rollout_known = rollout_known
        self._rollout_problem = rollout_problem
        self._assigned = assigned

    def details(self) -> list[str]:
        """What is wrong though the worker takes jobs, a line each."""
        problem = self._rollout_problem()
        paused = [
            f"lane {lane.value}: paused, nearly all of its records are invalid; "
            f"`chirp-worker lane resume {lane.value}` resumes it"
            for lane in self._lanes.paused
        ]
        return paused if problem is None else [problem, *paused]

    def waits_for(self) -> list[str]:
        """One line for each reason; empty when the worker is ready."""
        reasons = [*self._gate.waits_for]
        if not self._gate.is_open:
            pass
        elif self._rollout_known is not None and not self._rollout_known.is_set():
            reasons.append("Kafka: the rollout's topic, read to its end")
        elif not self._assigned.is_set():
            reasons.append("Kafka: the group's assignment")
        if self._signals.requested:
            reasons.append("nothing: the worker is shutting down")
        return reasons
