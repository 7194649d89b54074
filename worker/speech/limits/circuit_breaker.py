"""A voice model's circuit: open while so many of its attempts fail that asking it is a waste of time. Pure."""

from collections import deque
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

# So many probes in a row must work before all jobs ask the voice model again.
_PROBES: Final = 3


class CircuitState(IntEnum):
    """Closed: all ask; half-open: single jobs probe it; open: none asks. The numbers are the metric's."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


@dataclass(frozen=True)
class CircuitBreakerRules:
    """When it opens and how long it stays so.

    Attributes:
        share: of failed attempts in the window from which on it opens, above 0 to 1.
        window_s: the window's length in seconds.
        minimum: fewer attempts in the window open nothing.
        cool_down_s: seconds from its opening, or a failed probe, to the next probe.
    """

    share: float
    window_s: float
    minimum: int
    cool_down_s: float


@dataclass(frozen=True)
class Admission:
    """Leave to ask once; its end is told to the circuit, which forgets those of before its last change."""

    generation: int


class CircuitBreaker:
    """Counts how attempts end, and opens when too many fail.

    While it is open one job probes it after each cool-down. A probe that works lets the next one go at once; one that
    hangs holds up the next no longer than a cool-down.
    """

    def __init__(self, rules: CircuitBreakerRules) -> None:
        self._rules = rules
        self._ended: deque[tuple[float, bool]] = deque()
        self._failed = 0
        self._is_open = False
        self._generation = 0
        self._probe_at = 0.0
        self._is_probed = False
        self._worked = 0

    def state(self, now: float) -> CircuitState:
        """What it is."""
        if not self._is_open:
            return CircuitState.CLOSED
        return CircuitState.HALF_OPEN if self._is_probed or now >= self._probe_at else CircuitState.OPEN

    def refuses(self, now: float) -> bool:
        """Whether `admit` would refuse now."""
        return self._is_open and now < self._probe_at

    def admit(self, now: float) -> Admission | None:
        """Leave to ask the voice model; None while it is open and no probe is due."""
        if self.refuses(now):
            return None
        if self._is_open:
            self._probe_at = now + self._rules.cool_down_s
            self._is_probed = True
        return Admission(self._generation)

    def ended(self, admission: Admission, now: float, *, failed: bool | None, at_once: bool = False) -> None:
        """Notes how an attempt ended.

        Args:
            admission: its leave.
            now: the time.
            failed: None for an end that says nothing of the voice model.
            at_once: whether this failure alone opens it.
        """
        if admission.generation != self._generation:
            return
        if self._is_open:
            self._probed(now, failed=failed)
        elif failed is not None:
            self._counted(now, failed=failed)
            if failed and (at_once or self._is_over()):
                self._open(now)

    def _counted(self, now: float, *, failed: bool) -> None:
        self._ended.append((now, failed))
        self._failed += failed
        while self._ended[0][0] <= now - self._rules.window_s:
            self._failed -= self._ended.popleft()[1]

    def _is_over(self) -> bool:
        return len(self._ended) >= self._rules.minimum and self._failed >= self._rules.share * len(self._ended)

    def _probed(self, now: float, *, failed: bool | None) -> None:
        if failed:
            self._worked, self._is_probed = 0, False
            self._probe_at = now + self._rules.cool_down_s
            return
        self._worked += failed is False
        if self._worked >= _PROBES:
            self._change(is_open=False)
        else:
            self._probe_at = now

    def _open(self, now: float) -> None:
        self._change(is_open=True)
        self._probe_at = now + self._rules.cool_down_s

    def _change(self, *, is_open: bool) -> None:
        self._is_open = is_open
        self._generation += 1
        self._ended.clear()
        self._failed = self._worked = 0
        self._is_probed = False
