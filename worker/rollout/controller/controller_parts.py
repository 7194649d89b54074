"""What the rollout's controller works with."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime

from schemas.rollout_status import RolloutStatus
from worker.lifecycle.clock import Clock
from worker.rollout.controller.attempts_reader import AttemptsReader
from worker.rollout.controller.evidence import Observers
from worker.rollout.controller.metrics import RolloutMetrics
from worker.rollout.controller.prometheus import PrometheusClient
from worker.rollout.controller.webhooks import RevisionHistory
from worker.rollout.log.reader import RolloutLog
from worker.rollout.log.writer import RevisionWriter

OpenLog = Callable[[], AbstractAsyncContextManager[RolloutLog]]
OpenAttempts = Callable[[datetime, Observers], AbstractAsyncContextManager[AttemptsReader]]
Report = Callable[[RolloutStatus], Awaitable[None]]


@dataclass(frozen=True)
class ControllerParts:
    """What the controller works with.

    Attributes:
        open_attempts: opens the attempts that were published since a time.
        is_leader: a controller that doesn't lead evaluates all the same, to be ready, but changes nothing.
        report: called with the status of each round; may raise KafkaError.
        history: kept up to date with the log.
        catalogue: the keys of all characters.
        actor: the name under which it makes revisions.
        round_s: the longest time between two rounds, in seconds.
    """

    open_log: OpenLog
    open_attempts: OpenAttempts
    create_writer: Callable[[RolloutLog], RevisionWriter]
    is_leader: Callable[[], bool]
    prometheus: PrometheusClient
    report: Report
    history: RevisionHistory
    metrics: RolloutMetrics
    catalogue: frozenset[str]
    clock: Clock
    actor: str
    round_s: float
