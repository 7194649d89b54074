"""Whether a voice model may be asked now: its circuit, then its quota. One permit goes along with one attempt."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import structlog

from schemas.words import FailureClass, Lane, VoiceModel
from worker.lifecycle.clock import Clock
from worker.lifecycle.interruptible_wait import InterruptibleWait
from worker.observability.metrics import Metrics
from worker.speech.failures import NOT_CALLED, Failure
from worker.speech.limits.circuit_breaker import Admission, CircuitBreaker, CircuitState
from worker.speech.limits.rate_limit_queue import RateLimitQueue

_SAYS_NOTHING: Final = frozenset({FailureClass.INVALID, FailureClass.QUOTA})
"""Failures of the text, or of how much is asked: the voice model may be well."""
_NO_QUOTA: Final = Failure(FailureClass.QUOTA, NOT_CALLED, "this worker's share of the quota is used up")
_CIRCUIT_OPEN: Final = Failure(FailureClass.CIRCUIT_OPEN, NOT_CALLED, "most of its last attempts failed")
_log = structlog.get_logger(__name__)


class Permits:
    """Gives permits.

    Args:
        quota: who waits for it.
        circuits: of the voice models that have a fallback: without one there is nothing better than to ask.
        metrics: told of the circuits' states.
        clock: the circuits'.
    """

    def __init__(
        self, quota: RateLimitQueue, circuits: Mapping[VoiceModel, CircuitBreaker], metrics: Metrics, clock: Clock
    ) -> None:
        self.quota = quota
        self._circuits = circuits
        self._metrics = metrics
        self._clock = clock
        self._told = dict.fromkeys(circuits, CircuitState.CLOSED)
        for voice_model in circuits:
            metrics.set_circuit(voice_model, CircuitState.CLOSED)

    @asynccontextmanager
    async def acquire(
        self, voice_model: VoiceModel, lane: Lane, waiting: InterruptibleWait, *, may_skip: bool
    ) -> AsyncIterator["Permit"]:
        """A permit for one attempt; what it doesn't use is given back.

        Args:
            voice_model: that is to be asked.
            lane: the job's: dialogue waits for quota a moment, batch for as long as it takes.
            waiting: entered while a batch job waits.
            may_skip: whether the job goes straight to the fallback when the circuit is open; else it asks all the same.
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
        """Whether a voice model's circuit refuses now."""
        circuit = self._circuits.get(voice_model)
        return circuit is not None and circuit.refuses(self.now)

    def admit(self, voice_model: VoiceModel) -> Admission | None:
        """The circuit's leave; None where it refuses, or isn't there."""
        circuit = self._circuits.get(voice_model)
        if circuit is None:
            return None
        admission = circuit.admit(self.now)
        self._tell(voice_model, circuit)
        return admission

    def ended(self, voice_model: VoiceModel, admission: Admission, *, failed: bool | None, at_once: bool) -> None:
        """Tells the circuit how an attempt ended, as `Circuit.ended`."""
        circuit = self._circuits[voice_model]
        circuit.ended(admission, self.now, failed=failed, at_once=at_once)
        self._tell(voice_model, circuit)

    def _tell(self, voice_model: VoiceModel, circuit: CircuitBreaker) -> None:
        state, before = circuit.state(self.now), self._told[voice_model]
        if state is before:
            return
        self._told[voice_model] = state
        self._metrics.set_circuit(voice_model, state)
        if before is CircuitState.CLOSED:
            _log.warning("circuit_opened", voice_model=voice_model.value, detail="its jobs go straight to the fallback")
        elif state is CircuitState.CLOSED:
            _log.info(
                "circuit_closed", voice_model=voice_model.value, detail="its probes worked; its jobs ask it again"
            )


class Permit:
    """Leave to ask a voice model for one attempt: `take` before each request. `failure` says why there is none.

    `waited_s` is how long the job has waited for quota, in seconds; the time of parts that wait side by side once.
    """

    def __init__(
        self, permits: Permits, voice_model: VoiceModel, lane: Lane, waiting: InterruptibleWait, *, may_skip: bool
    ) -> None:
        self._permits = permits
        self._voice_model = voice_model
        self._lane = lane
        self._waiting = waiting
        self._may_skip = may_skip
        self._admission: Admission | None = None
        self._in_hand = False
        self._waits = 0
        self._waits_since = 0.0
        self.failure: Failure | None = None
        self.waited_s = 0.0

    async def begin(self) -> None:
        """Waits for the first request's quota; the circuit is asked before that, and after what may have been long."""
        if self._may_skip and self._permits.is_open(self._voice_model):
            self.failure = _CIRCUIT_OPEN
            return
        self._in_hand = await self._wait()
        if not self._in_hand:
            self.failure = _NO_QUOTA
            return
        if self._may_skip and self._permits.is_open(self._voice_model):
            self.failure = _CIRCUIT_OPEN
            return
        self._admission = self._permits.admit(self._voice_model)

    async def take(self) -> Failure | None:
        """One request's quota, the first one's at once; or why the request may not be made."""
        if self.failure is not None:
            return self.failure
        if self._in_hand:
            self._in_hand = False
        elif not await self._wait(goes_on=True):
            return _NO_QUOTA
        return None

    @property
    def now(self) -> float:
        """The monotonic clock's time."""
        return self._permits.now

    def refused(self, asked_at: float) -> bool:
        """Google refused a request, made at `asked_at`, for want of quota; whether the job waits and makes it again."""
        self._permits.quota.refused(self._voice_model, asked_at)
        return self._lane is Lane.BATCH

    def ended(self, failure: Failure | None) -> None:
        """Notes how the attempt's calls ended."""
        if self._admission is None:
            return
        admission, self._admission = self._admission, None
        denied = failure is not None and failure.failure_class is FailureClass.DENIED
        says_nothing = failure is not None and failure.failure_class in _SAYS_NOTHING
        # A voice that the job forced may be denied alone.
        failed = None if says_nothing or (denied and not self._may_skip) else failure is not None
        self._permits.ended(self._voice_model, admission, failed=failed, at_once=denied)

    def give_back(self) -> None:
        """Gives back what wasn't used."""
        if self._admission is not None:
            self._permits.ended(self._voice_model, self._admission, failed=None, at_once=False)
            self._admission = None
        if self._in_hand:
            self._in_hand = False
            self._permits.quota.give_back(self._voice_model, self._lane)

    async def _wait(self, *, goes_on: bool = False) -> bool:
        if self._waits == 0:
            self._waits_since = self._permits.now
        self._waits += 1
        try:
            granted, _ = await self._permits.quota.take(self._voice_model, self._lane, self._waiting, goes_on=goes_on)
        finally:
            self._waits -= 1
            if self._waits == 0:
                self.waited_s += self._permits.now - self._waits_since
        return granted
