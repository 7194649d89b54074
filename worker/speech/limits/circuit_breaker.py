"""Circuit breaker of a voice model: while most of its attempts fail, jobs go straight to the fallback. Pure."""

from collections import deque
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

# So many probes in a row must succeed before all jobs use the voice model again.
_PROBES: Final = 3


class CircuitState(IntEnum):
    """Closed: all jobs use the voice model. Half-open: single jobs probe it. Open: no job does."""

    # The values are the metric's.
    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


@dataclass(frozen=True)
class CircuitBreakerRules:
    """When the circuit opens, and when it is probed.

    Attributes:
        share: the share of failed attempts in the window at which the circuit opens, above 0 to 1.
        window_s: the window's length in seconds.
        minimum: the least number of attempts in the window at which the circuit opens.
        cool_down_s: seconds from the opening, or from a failed probe, to the next probe.
    """

    share: float
    window_s: float
    minimum: int
    cool_down_s: float


@dataclass(frozen=True)
class AdmittedAttempt:
    """An attempt that the circuit let through. Its result counts only until the circuit opens or closes."""

    generation: int


class CircuitBreaker:
    """Counts the results of attempts, and opens when too many fail.

    While the circuit is open, one job probes the voice model after each cool-down. After a probe that succeeds the next
    one may go at once. A probe that hangs holds up the next for one cool-down at most.
    """

    def __init__(self, rules: CircuitBreakerRules) -> None:
        self._rules = rules
        self._results: deque[tuple[float, bool]] = deque()
        self._failed = 0
        self._is_open = False
        self._generation = 0
        self._probe_at = 0.0
        self._is_probed = False
        self._succeeded = 0

    def state(self, now: float) -> CircuitState:
        """The circuit's state."""
        if not self._is_open:
            return CircuitState.CLOSED
        return CircuitState.HALF_OPEN if self._is_probed or now >= self._probe_at else CircuitState.OPEN

    def refuses(self, now: float) -> bool:
        """Whether `admit` would refuse now."""
        return self._is_open and now < self._probe_at

    def admit(self, now: float) -> AdmittedAttempt | None:
        """Lets an attempt through; None while the circuit is open and no probe is due."""
        if self.refuses(now):
            return None
        if self._is_open:
            self._probe_at = now + self._rules.cool_down_s
            self._is_probed = True
        return AdmittedAttempt(self._generation)

    def record(self, attempt: AdmittedAttempt, now: float, *, failed: bool | None, at_once: bool = False) -> bool:
        """Records the result of an attempt; returns whether it has opened the circuit, or keeps it open as a probe.

        Args:
            attempt: as `admit` gave it.
            now: the monotonic clock's time.
            failed: None for a result that says nothing about the voice model.
            at_once: whether this failure alone opens the circuit.
        """
        if attempt.generation != self._generation:
            return False
        if self._is_open:
            self._record_probe(now, failed=failed)
            return failed is True
        if failed is not None:
            self._count(now, failed=failed)
            if failed and (at_once or self._has_too_many_failures()):
                self._open(now)
        return self._is_open

    def _count(self, now: float, *, failed: bool) -> None:
        self._results.append((now, failed))
        self._failed += failed
        while self._results[0][0] <= now - self._rules.window_s:
            self._failed -= self._results.popleft()[1]

    def _has_too_many_failures(self) -> bool:
        return len(self._results) >= self._rules.minimum and self._failed >= self._rules.share * len(self._results)

    def _record_probe(self, now: float, *, failed: bool | None) -> None:
        if failed:
            self._succeeded, self._is_probed = 0, False
            self._probe_at = now + self._rules.cool_down_s
            return
        self._succeeded += failed is False
        if self._succeeded >= _PROBES:
            self._change(is_open=False)
        else:
            self._probe_at = now

    def _open(self, now: float) -> None:
        self._change(is_open=True)
        self._probe_at = now + self._rules.cool_down_s

    def _change(self, *, is_open: bool) -> None:
        self._is_open = is_open
        self._generation += 1
        self._results.clear()
        self._failed = self._succeeded = 0
        self._is_probed = False
