"""How soon a broker that couldn't be connected to is tried again; aiokafka 0.14 tries as often as anything asks for it.

The clients of one worker made some 60 attempts a second on a cluster that was down, each a TLS handshake or a login
where a proxy or the broker answered. Kafka's own clients wait (`reconnect.backoff.ms`, `reconnect.backoff.max.ms`).
"""

import random
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final

from worker.kafka.client.connection_problem import Problem

# Those of Kafka's own clients.
_FIRST_S: Final = 0.05
_LONGEST_S: Final = 1.0
_MOST_DOUBLED: Final = 10
# A target that nobody has tried for so long is forgotten.
_FORGOTTEN_S: Final = 60.0


@dataclass(frozen=True)
class _Failure:
    problem: Problem
    failures: int
    until: float


class ReconnectBackoff:
    """The targets that failed last, each with the time until which it isn't tried again.

    A target is an address with all that a connection to it depends on. It is tried after 50 ms, then after twice as
    long each time, at last every second.

    Args:
        monotonic: the time in seconds.
        jitter: of two bounds gives a factor between them.
    """

    def __init__(
        self, monotonic: Callable[[], float], jitter: Callable[[float, float], float] = random.uniform
    ) -> None:
        self._monotonic = monotonic
        self._jitter = jitter
        self._failures: dict[Hashable, _Failure] = {}

    def problem(self, target: Hashable) -> Problem | None:
        """Why the target failed, while it isn't to be tried again; None if it may be tried."""
        found = self._failures.get(target)
        return None if found is None or self._monotonic() >= found.until else found.problem

    def add_failure(self, target: Hashable, problem: Problem) -> None:
        """Notes that the target failed."""
        now = self._monotonic()
        self._failures = {each: last for each, last in self._failures.items() if now < last.until + _FORGOTTEN_S}
        failures = self._failures[target].failures + 1 if target in self._failures else 1
        wait_s = min(_LONGEST_S, _FIRST_S * 2.0 ** min(failures - 1, _MOST_DOUBLED))
        self._failures[target] = _Failure(problem, failures, now + self._jitter(0.8, 1.0) * wait_s)

    def add_success(self, target: Hashable) -> None:
        """Notes that the target was connected to."""
        self._failures.pop(target, None)
