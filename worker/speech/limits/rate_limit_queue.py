"""Queue for the rate limit: dialogue goes first and waits a moment, batch waits for as long as it takes."""

import asyncio
import itertools
from collections import deque
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Final, Protocol

import structlog

from schemas.enums import Lane, VoiceModel
from worker.lifecycle.clock import Clock
from worker.lifecycle.interruptible_wait import InterruptibleWait
from worker.observability.metric_labels import ALL_VOICE_MODELS, QuotaDecision
from worker.observability.metrics import Metrics
from worker.speech.limits.rate_limit import RateLimit, RateLimits

# The longest time between two looks at the limit: while it recovers from a back-off, it grows.
_LONGEST_TIMER_S: Final = 1.0
# A timer below the event loop's own precision would fire again and again.
_SHORTEST_TIMER_S: Final = 0.001
_log = structlog.get_logger(__name__)


class Timer(Protocol):
    """A call that is scheduled."""

    def cancel(self) -> None:
        """Cancels the call."""


CallLater = Callable[[float, Callable[[], None]], Timer]
"""Schedules a call after so many seconds, as an event loop's `call_later`."""


@dataclass(frozen=True, eq=False)
class _QueuedRequest:
    number: int
    voice_model: VoiceModel
    lane: Lane
    gives_up_at: float
    is_follow_up: bool
    granted: asyncio.Future[bool]


def _call_later(seconds: float, call: Callable[[], None]) -> Timer:
    return asyncio.get_running_loop().call_later(seconds, call)


class RateLimitQueue:
    """Grants requests within the rate limits, in each lane the longest waiting first.

    Args:
        dialogue_wait_s: the longest wait of a dialogue job, in seconds; it doesn't wait at all where that would be in
            vain.
        metrics: show grants, refusals, waits and the limits in force.
    """

    def __init__(
        self,
        limits: RateLimits,
        dialogue_wait_s: float,
        metrics: Metrics,
        clock: Clock,
        *,
        call_later: CallLater = _call_later,
    ) -> None:
        self._limits = limits
        self._dialogue_wait_s = dialogue_wait_s
        self._metrics = metrics
        self._clock = clock
        self._call_later = call_later
        self._numbers = itertools.count()
        self._queues = {lane: {voice_model: deque[_QueuedRequest]() for voice_model in VoiceModel} for lane in Lane}
        self._timer: Timer | None = None
        self._batch_held = False
        metrics.track_quota_limit(ALL_VOICE_MODELS, partial(_in_force, limits.total, clock))
        for voice_model, limit in limits.by_voice_model.items():
            metrics.track_quota_limit(voice_model, partial(_in_force, limit, clock))

    async def take(
        self, voice_model: VoiceModel, lane: Lane, waiting: InterruptibleWait, *, is_follow_up: bool = False
    ) -> tuple[bool, float]:
        """Waits until a request may be made, and counts it.

        Args:
            voice_model: what the request uses.
            lane: the job's.
            waiting: entered while a batch job waits.
            is_follow_up: the job has made requests already, which may have to be paid: it is granted more also while
                batch is held.

        Returns:
            Whether the request was granted, and the seconds waited. A dialogue job that would have to wait too long is
            refused.
        """
        now = self._clock.monotonic()
        self._limits.note_demand(voice_model, lane, now)
        queue = self._queues[lane][voice_model]
        if lane is Lane.DIALOGUE:
            ahead = sum(map(len, self._queues[lane].values()))
            if self._limits.wait_s(voice_model, lane, now, ahead) > self._dialogue_wait_s:
                self._metrics.count_quota(voice_model, lane, QuotaDecision.REFUSED, 0.0)
                return False, 0.0
        gives_up_at = now + self._dialogue_wait_s if lane is Lane.DIALOGUE else inf
        granted = asyncio.get_running_loop().create_future()
        request = _QueuedRequest(next(self._numbers), voice_model, lane, gives_up_at, is_follow_up, granted)
        queue.append(request)
        self._serve()
        if granted.done():
            is_granted = granted.result()
            decision = QuotaDecision.GRANTED if is_granted else QuotaDecision.REFUSED
            self._metrics.count_quota(voice_model, lane, decision, 0.0)
            return is_granted, 0.0
        try:
            with waiting() if lane is Lane.BATCH else nullcontext():
                is_granted = await granted
        except BaseException:
            self._leave(request)
            raise
        waited_s = self._clock.monotonic() - now
        decision = QuotaDecision.WAITED if is_granted else QuotaDecision.REFUSED
        self._metrics.count_quota(voice_model, lane, decision, waited_s)
        return is_granted, waited_s

    def give_back(self, voice_model: VoiceModel, lane: Lane) -> None:
        """Takes back a request that was counted and not made."""
        self._limits.give_back(voice_model, lane, self._clock.monotonic())
        self._serve()

    def charge(self, voice_model: VoiceModel) -> None:
        """Counts a request that is made whether the limit allows it or not: a probe."""
        self._limits.take(voice_model, Lane.DIALOGUE, self._clock.monotonic())

    def record_refusal(self, voice_model: VoiceModel, requested_at: float) -> None:
        """Backs off after Google refused a request for want of quota, made at `requested_at` by the monotonic clock."""
        now = self._clock.monotonic()
        if self._limits.record_refusal(voice_model, requested_at, now):
            in_force = self._limits.by_voice_model[voice_model].in_force(now)
            _log.warning(
                "quota_backed_off",
                voice_model=voice_model.value,
                per_minute=None if in_force == inf else round(in_force, 1),
                detail="Google refused a request: others use the project's quota too, or the setting is too high",
            )

    def set_share(self, share: float) -> None:
        """Sets this worker's share of the quota, 0 to 1."""
        self._limits.set_share(share, self._clock.monotonic())
        _log.info("quota_share", share=round(share, 4))
        self._serve()

    def hold_batch(self) -> None:
        """Stops granting queued batch jobs their first request until `release_batch`: others may run them too."""
        self._batch_held = True
        self._serve()

    def release_batch(self) -> None:
        """Grants batch jobs again."""
        self._batch_held = False
        self._serve()

    def _heads(self, lane: Lane) -> list[_QueuedRequest]:
        """The longest waiting request of each voice model, in the order in which they came."""
        held = self._batch_held and lane is Lane.BATCH
        first = (
            next((each for each in queue if each.is_follow_up or not held), None)
            for queue in self._queues[lane].values()
        )
        return sorted((each for each in first if each is not None), key=lambda request: request.number)

    def _leave(self, request: _QueuedRequest) -> None:
        queue = self._queues[request.lane][request.voice_model]
        if request in queue:
            queue.remove(request)
        elif request.granted.done() and not request.granted.cancelled() and request.granted.result():
            self.give_back(request.voice_model, request.lane)

    def _serve(self) -> None:
        """Grants what may be granted now, and sets a timer for the next time."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = self._clock.monotonic()
        # While dialogue has to wait, batch is granted nothing: batch's limits are the lower ones.
        for lane in (Lane.DIALOGUE, Lane.BATCH):
            while (request := self._next(lane, now)) is not None:
                self._queues[lane][request.voice_model].remove(request)
                if _answer(request, granted=True):
                    self._limits.take(request.voice_model, lane, now)
        # Refusals come after grants, so that a job with a wait of 0 is granted what is free now.
        for queue in self._queues[Lane.DIALOGUE].values():
            while queue and queue[0].gives_up_at <= now:
                _answer(queue.popleft(), granted=False)
        heads = [*self._heads(Lane.DIALOGUE), *self._heads(Lane.BATCH)]
        if heads:
            at = min(
                min(each.gives_up_at - now, self._limits.wait_s(each.voice_model, each.lane, now)) for each in heads
            )
            self._timer = self._call_later(min(max(at, _SHORTEST_TIMER_S), _LONGEST_TIMER_S), self._serve)

    def _next(self, lane: Lane, now: float) -> _QueuedRequest | None:
        """The longest waiting request that may be made now."""
        return next((each for each in self._heads(lane) if self._limits.wait_s(each.voice_model, lane, now) <= 0), None)


def _in_force(limit: RateLimit, clock: Clock) -> float:
    return limit.in_force(clock.monotonic())


def _answer(request: _QueuedRequest, *, granted: bool) -> bool:
    """Answers a request; False if its job was cancelled in the same moment."""
    if request.granted.done():
        return False
    request.granted.set_result(granted)
    return True
