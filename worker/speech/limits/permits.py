"""Permits: one attempt's permission to use a voice model, from its circuit breaker, its rate limit and its gate."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from schemas.enums import FailureClass, Lane, VoiceModel
from worker.lifecycle.clock import Clock
from worker.lifecycle.interruptible_wait import InterruptibleWait
from worker.observability.metrics import Metrics
from worker.observability.tracing.tracer import NO_TRACER, Tracer
from worker.speech.limits.circuit_breaker import AdmittedAttempt, CircuitBreaker
from worker.speech.limits.circuits import Circuits
from worker.speech.limits.concurrency_gate import ConcurrencyGate
from worker.speech.limits.rate_limit_queue import RateLimitQueue

_INCONCLUSIVE: Final = frozenset({FailureClass.INVALID, FailureClass.QUOTA})
"""Failures due to the text, or to the number of requests: the voice model may be healthy."""
# A request that has quota at once waits for some microseconds.
_TRACED_WAIT_S: Final = 0.001


class Permits:
    """Gives permits.

    Args:
        circuits: by voice model, for those that have a fallback; without a fallback there is nothing better to do than
            to make the request.
        metrics: show the circuits' states.
        gates: by voice model; requests of others may all be under way at once.
    """

    def __init__(
        self,
        quota: RateLimitQueue,
        circuits: Mapping[VoiceModel, CircuitBreaker],
        metrics: Metrics,
        clock: Clock,
        *,
        gates: Mapping[VoiceModel, ConcurrencyGate] | None = None,
        tracer: Tracer = NO_TRACER,
    ) -> None:
        self.tracer = tracer
        self.quota = quota
        self.gates = gates or {}
        self.circuits = Circuits(circuits, metrics, clock)
        self._clock = clock

    @asynccontextmanager
    async def acquire(
        self, voice_model: VoiceModel, lane: Lane, waiting: InterruptibleWait, *, may_skip: bool, revision: int = 0
    ) -> AsyncIterator["Permit"]:
        """A permit for one attempt; what the attempt doesn't use is given back.

        Args:
            voice_model: what the attempt uses.
            lane: the job's: dialogue waits for quota a moment, batch for as long as it takes.
            waiting: entered while a batch job waits.
            may_skip: whether the job goes straight to the fallback when the circuit is open.
            revision: of the rollout that decided the job.
        """
        permit = Permit(self, voice_model, lane, waiting, may_skip=may_skip, revision=revision)
        try:
            await permit.begin()
            yield permit
        finally:
            permit.give_back()

    @property
    def now(self) -> float:
        """The monotonic clock's time."""
        return self._clock.monotonic()


class Permit:
    """One attempt's permit: call `take` before each request to Google, and make the request inside of `under_way`.

    Attributes:
        refusal: why there is no permit: `QUOTA` or `CIRCUIT_OPEN`; None if there is one.
        circuit_revision: the rollout revision in which the open circuit failed last; None unless it is the refusal.
        waited_s: how long the job has waited for quota, and for requests of others to end, in seconds; parts that wait
            side by side count once.
    """

    def __init__(
        self,
        permits: Permits,
        voice_model: VoiceModel,
        lane: Lane,
        waiting: InterruptibleWait,
        *,
        may_skip: bool,
        revision: int,
    ) -> None:
        self._permits = permits
        self._voice_model = voice_model
        self._lane = lane
        self._waiting = waiting
        self._may_skip = may_skip
        self._revision = revision
        self._admitted: AdmittedAttempt | None = None
        self._in_hand = False
        self._has_taken = False
        self._circuits = permits.circuits
        self._gate = permits.gates.get(voice_model)
        self._waits = 0
        self._waits_since = 0.0
        self.refusal: FailureClass | None = None
        self.circuit_revision: int | None = None
        self.waited_s = 0.0

    async def begin(self) -> None:
        """Waits for the first request's quota; checks the circuit before and, as the wait may be long, after it."""
        if self._is_skipped():
            return
        self._in_hand = await self._wait()
        if not self._in_hand:
            self.refusal = FailureClass.QUOTA
        elif not self._is_skipped():
            self._admitted = self._circuits.admit(self._voice_model)

    async def take(self) -> FailureClass | None:
        """Takes one request's quota, the first one's at once, and its turn; or says why the request may not be made.

        Quota comes first: batch waits long for it, and would keep others from their turns meanwhile.
        """
        if self.refusal is not None:
            return self.refusal
        if self._in_hand:
            self._in_hand = False
        elif not await self._wait(is_follow_up=True):
            return FailureClass.QUOTA
        return None if await self._enter() else FailureClass.TIMEOUT

    @contextmanager
    def under_way(self, slow_after_s: float) -> Iterator[Callable[[], None]]:
        """The time of one request that was taken.

        Args:
            slow_after_s: the seconds after which it is slow.

        Yields:
            What a stream calls with its first audio: how long the rest takes says nothing about Google's speed.
        """
        began, slow = self.now, None
        answered: list[float] = []

        def is_slow() -> bool:
            return (answered or [self.now])[0] - began >= slow_after_s

        try:
            yield lambda: answered.append(self.now)
            slow = is_slow()
        except Exception:
            # A quick failure says nothing about Google's speed; a timeout has taken long.
            slow = True if is_slow() else None
            raise
        finally:
            if self._gate is not None:
                self._gate.leave(began, slow=slow)

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
        self._circuits.record(self._voice_model, attempt, failed=failed, at_once=denied, revision=self._revision)

    def give_back(self) -> None:
        """Gives back what wasn't used."""
        if self._admitted is not None:
            self._circuits.record(
                self._voice_model, self._admitted, failed=None, at_once=False, revision=self._revision
            )
            self._admitted = None
        if self._in_hand:
            self._in_hand = False
            self._permits.quota.give_back(self._voice_model, self._lane)

    def _is_skipped(self) -> bool:
        """Whether the job goes straight to the fallback, since the circuit is open."""
        if self._may_skip and self._circuits.is_open(self._voice_model):
            self.refusal = FailureClass.CIRCUIT_OPEN
            self.circuit_revision = self._circuits.opened_by(self._voice_model)
        return self.refusal is not None

    async def _wait(self, *, is_follow_up: bool = False) -> bool:
        with self._timed_wait():
            granted, _ = await self._permits.quota.take(
                self._voice_model, self._lane, self._waiting, is_follow_up=is_follow_up
            )
        return granted

    async def _enter(self) -> bool:
        """Waits for the request's turn; its quota is given back if it has none."""
        if self._gate is None:
            return True
        # What an attempt pays for already is worth a longer wait.
        may_skip, self._has_taken = self._may_skip and not self._has_taken, True
        entered = False
        try:
            with self._timed_wait():
                entered = await self._gate.enter(self._lane, self._waiting, may_skip=may_skip)
        finally:
            if not entered:
                self._permits.quota.give_back(self._voice_model, self._lane)
        return entered

    @contextmanager
    def _timed_wait(self) -> Iterator[None]:
        if self._waits == 0:
            self._waits_since = self._permits.now
        self._waits += 1
        try:
            yield
        finally:
            self._waits -= 1
            if self._waits == 0:
                waited_s = self._permits.now - self._waits_since
                self.waited_s += waited_s
                if waited_s > _TRACED_WAIT_S:
                    self._permits.tracer.waited("quota wait", waited_s, voice_model=self._voice_model)
