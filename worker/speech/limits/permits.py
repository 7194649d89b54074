"""Permits: one attempt's permission to use a voice model, from its circuit breaker and from its rate limit."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import structlog

from schemas.enums import FailureClass, Lane, VoiceModel
from worker.lifecycle.clock import Clock
from worker.lifecycle.interruptible_wait import InterruptibleWait
from worker.observability.metrics import Metrics
from worker.speech.limits.circuit_breaker import AdmittedAttempt, CircuitBreaker, CircuitState
from worker.speech.limits.rate_limit_queue import RateLimitQueue

_INCONCLUSIVE: Final = frozenset({FailureClass.INVALID, FailureClass.QUOTA})
"""Failures due to the text, or to the number of requests: the voice model may be healthy."""
_log = structlog.get_logger(__name__)


class Permits:
    """Gives permits.

    Args:
        circuits: by voice model, for those that have a fallback; without a fallback there is nothing better to do than
            to make the request.
        metrics: show the circuits' states.
    """

    def __init__(
        self, quota: RateLimitQueue, circuits: Mapping[VoiceModel, CircuitBreaker], metrics: Metrics, clock: Clock
    ) -> None:
        self.quota = quota
        self._circuits = circuits
        self._metrics = metrics
        self._clock = clock
        self._reported = dict.fromkeys(circuits, CircuitState.CLOSED)
        for voice_model in circuits:
            metrics.set_circuit(voice_model, CircuitState.CLOSED)

    @asynccontextmanager
    async def acquire(
        self, voice_model: VoiceModel, lane: Lane, waiting: InterruptibleWait, *, may_skip: bool
    ) -> AsyncIterator["Permit"]:
        """A permit for one attempt; what the attempt doesn't use is given back.

        Args:
            voice_model: what the attempt uses.
            lane: the job's: dialogue waits for quota a moment, batch for as long as it takes.
            waiting: entered while a batch job waits.
            may_skip: whether the job goes straight to the fallback when the circuit is open.
        """
        permit = Permit(self, voice_model, lane, waiting, may_skip=may_skip)
        try:
            await permit.begin()
            yield permit
        finally:
            permit.give_back()

    @property
    def now(self) -> float:
        """The monotonic clock's time."""
        return self._clock.monotonic()

    def is_open(self, voice_model: VoiceModel) -> bool:
        """Whether a voice model's circuit refuses an attempt now."""
        circuit = self._circuits.get(voice_model)
        return circuit is not None and circuit.refuses(self.now)

    def admit(self, voice_model: VoiceModel) -> AdmittedAttempt | None:
        """Lets an attempt through the circuit; None if the circuit refuses it, or if there is no circuit."""
        circuit = self._circuits.get(voice_model)
        if circuit is None:
            return None
        attempt = circuit.admit(self.now)
        self._report(voice_model, circuit)
        return attempt

    def record(self, voice_model: VoiceModel, attempt: AdmittedAttempt, *, failed: bool | None, at_once: bool) -> None:
        """Records the result of an attempt, as `CircuitBreaker.record`."""
        circuit = self._circuits[voice_model]
        circuit.record(attempt, self.now, failed=failed, at_once=at_once)
        self._report(voice_model, circuit)

    def _report(self, voice_model: VoiceModel, circuit: CircuitBreaker) -> None:
        state, before = circuit.state(self.now), self._reported[voice_model]
        if state is before:
            return
        self._reported[voice_model] = state
        self._metrics.set_circuit(voice_model, state)
        if before is CircuitState.CLOSED:
            _log.warning("circuit_opened", voice_model=voice_model.value, detail="its jobs go straight to the fallback")
        elif state is CircuitState.CLOSED:
            _log.info("circuit_closed", voice_model=voice_model.value, detail="its probes succeeded; its jobs use it")


class Permit:
    """One attempt's permit: call `take` before each request to Google.

    Attributes:
        refusal: why there is no permit: `QUOTA` or `CIRCUIT_OPEN`; None if there is one.
        waited_s: how long the job has waited for quota, in seconds; parts that wait side by side count once.
    """

    def __init__(
        self, permits: Permits, voice_model: VoiceModel, lane: Lane, waiting: InterruptibleWait, *, may_skip: bool
    ) -> None:
        self._permits = permits
        self._voice_model = voice_model
        self._lane = lane
        self._waiting = waiting
        self._may_skip = may_skip
        self._admitted: AdmittedAttempt | None = None
        self._in_hand = False
        self._waits = 0
        self._waits_since = 0.0
        self.refusal: FailureClass | None = None
        self.waited_s = 0.0

    async def begin(self) -> None:
        """Waits for the first request's quota; checks the circuit before and, as the wait may be long, after it."""
        if self._is_skipped():
            return
        self._in_hand = await self._wait()
        if not self._in_hand:
            self.refusal = FailureClass.QUOTA
        elif not self._is_skipped():
            self._admitted = self._permits.admit(self._voice_model)

    async def take(self) -> FailureClass | None:
        """Takes one request's quota, the first one's at once; or says why the request may not be made."""
        if self.refusal is not None:
            return self.refusal
        if self._in_hand:
            self._in_hand = False
        elif not await self._wait(is_follow_up=True):
            return FailureClass.QUOTA
        return None

    @property
    def now(self) -> float:
        """The monotonic clock's time."""
        return self._permits.now

    def record_refusal(self, requested_at: float) -> bool:
        """Records that Google refused a request for want of quota.

        Args:
            requested_at: when the request was made, by the monotonic clock.

        Returns:
            Whether the job waits for quota and makes the request again.
        """
        self._permits.quota.record_refusal(self._voice_model, requested_at)
        return self._lane is Lane.BATCH

    def record(self, failure_class: FailureClass | None) -> None:
        """Records the result of the attempt's calls; None for success."""
        if self._admitted is None:
            return
        attempt, self._admitted = self._admitted, None
        denied = failure_class is FailureClass.DENIED
        # Google may deny a single voice: of a voice that the job forces, denial says nothing about the voice model.
        says_nothing = failure_class in _INCONCLUSIVE or (denied and not self._may_skip)
        failed = None if says_nothing else failure_class is not None
        self._permits.record(self._voice_model, attempt, failed=failed, at_once=denied)

    def give_back(self) -> None:
        """Gives back what wasn't used."""
        if self._admitted is not None:
            self._permits.record(self._voice_model, self._admitted, failed=None, at_once=False)
            self._admitted = None
        if self._in_hand:
            self._in_hand = False
            self._permits.quota.give_back(self._voice_model, self._lane)

    def _is_skipped(self) -> bool:
        """Whether the job goes straight to the fallback, since the circuit is open."""
        if self._may_skip and self._permits.is_open(self._voice_model):
            self.refusal = FailureClass.CIRCUIT_OPEN
        return self.refusal is not None

    async def _wait(self, *, is_follow_up: bool = False) -> bool:
        if self._waits == 0:
            self._waits_since = self._permits.now
        self._waits += 1
        try:
            granted, _ = await self._permits.quota.take(
                self._voice_model, self._lane, self._waiting, is_follow_up=is_follow_up
            )
        finally:
            self._waits -= 1
            if self._waits == 0:
                self.waited_s += self._permits.now - self._waits_since
        return granted
