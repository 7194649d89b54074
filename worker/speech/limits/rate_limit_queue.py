"""Who waits for Google's quota: dialogue a moment and before all others, batch for as long as it takes."""

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

from schemas.words import Lane, VoiceModel
from worker.lifecycle.clock import Clock
from worker.lifecycle.interruptible_wait import InterruptibleWait
from worker.observability.metric_catalogue import ALL_VOICE_MODELS, QuotaDecision
from worker.observability.metrics import Metrics
from worker.speech.limits.rate_limit import RateLimit, RateLimits

# A limit that recovers from a back-off grows while jobs wait for it.
_LOOK_AGAIN_S: Final = 1.0
# Below a loop's own precision a timer would fire again and again.
_LEAST_S: Final = 0.001
_log = structlog.get_logger(__name__)


class Timer(Protocol):
    """What is to be called later."""

    def cancel(self) -> None:
        """Lets it be."""


Later = Callable[[float, Callable[[], None]], Timer]
"""Calls something after so many seconds, as a loop's `call_later`."""


@dataclass(frozen=True, eq=False)
class _Waiter:
    number: int
    voice_model: VoiceModel
    lane: Lane
    gives_up_at: float
    goes_on: bool
    granted: asyncio.Future[bool]


def _later(seconds: float, call: Callable[[], None]) -> Timer:
    return asyncio.get_running_loop().call_later(seconds, call)


class RateLimitQueue:
    """Grants requests by the quota, in each lane the longest waiting first.

    Args:
        quota: when a request may be made.
        dialogue_wait_s: how long a dialogue job waits at most, in seconds; not at all where that would be in vain.
        metrics: told of decisions, waits and limits in force.
        clock: the quota's.
        later: the loop's `call_later`.
    """

    def __init__(
        self, quota: RateLimits, dialogue_wait_s: float, metrics: Metrics, clock: Clock, *, later: Later = _later
    ) -> None:
        self._quota = quota
        self._dialogue_wait_s = dialogue_wait_s
        self._metrics = metrics
        self._clock = clock
        self._later = later
        self._numbers = itertools.count()
        self._waiting = {lane: {voice_model: deque[_Waiter]() for voice_model in VoiceModel} for lane in Lane}
        self._timer: Timer | None = None
        self._batch_held = False
        metrics.track_quota_limit(ALL_VOICE_MODELS, partial(_in_force, quota.total, clock))
        for voice_model, limit in quota.by_voice_model.items():
            metrics.track_quota_limit(voice_model, partial(_in_force, limit, clock))

    async def take(
        self, voice_model: VoiceModel, lane: Lane, waiting: InterruptibleWait, *, goes_on: bool = False
    ) -> tuple[bool, float]:
        """Waits until a request may be made, and counts it.

        Args:
            voice_model: that is asked.
            lane: the job's.
            waiting: entered while a batch job waits.
            goes_on: the job has made requests already, that may have been paid: it is granted more while batch is held.

        Returns:
            Whether it was granted, which a dialogue job isn't that would have to wait too long; the seconds waited.
        """
        now = self._clock.monotonic()
        self._quota.asked(voice_model, lane, now)
        waiters = self._waiting[lane][voice_model]
        if lane is Lane.DIALOGUE:
            ahead = sum(map(len, self._waiting[lane].values()))
            if self._quota.wait_s(voice_model, lane, now, ahead) > self._dialogue_wait_s:
                self._metrics.count_quota(voice_model, lane, QuotaDecision.REFUSED, 0.0)
                return False, 0.0
        gives_up_at = now + self._dialogue_wait_s if lane is Lane.DIALOGUE else inf
        granted = asyncio.get_running_loop().create_future()
        waiter = _Waiter(next(self._numbers), voice_model, lane, gives_up_at, goes_on, granted)
        waiters.append(waiter)
        self._serve()
        if granted.done():
            at_once = granted.result()
            decision = QuotaDecision.GRANTED if at_once else QuotaDecision.REFUSED
            self._metrics.count_quota(voice_model, lane, decision, 0.0)
            return at_once, 0.0
        try:
            with waiting() if lane is Lane.BATCH else nullcontext():
                answer = await granted
        except BaseException:
            self._leave(waiter)
            raise
        waited_s = self._clock.monotonic() - now
        decision = QuotaDecision.WAITED if answer else QuotaDecision.REFUSED
        self._metrics.count_quota(voice_model, lane, decision, waited_s)
        return answer, waited_s

    def give_back(self, voice_model: VoiceModel, lane: Lane) -> None:
        """Takes back a request that wasn't made."""
        self._quota.give_back(voice_model, lane, self._clock.monotonic())
        self._serve()

    def charge(self, voice_model: VoiceModel) -> None:
        """Counts a request that is made whatever the quota says: a probe."""
        self._quota.take(voice_model, Lane.DIALOGUE, self._clock.monotonic())

    def refused(self, voice_model: VoiceModel, asked_at: float) -> None:
        """Google refused a request, made at `asked_at` by the monotonic clock, for want of quota."""
        now = self._clock.monotonic()
        if self._quota.refused(voice_model, asked_at, now):
            in_force = self._quota.by_voice_model[voice_model].in_force(now)
            _log.warning(
                "quota_backed_off",
                voice_model=voice_model.value,
                per_minute=None if in_force == inf else round(in_force, 1),
                detail="Google refused a request: somebody else uses the project's quota, or the setting is too high",
            )

    def set_share(self, share: float) -> None:
        """This worker's share of the quota is another now."""
        self._quota.set_share(share, self._clock.monotonic())
        _log.info("quota_share", share=round(share, 4))
        self._serve()

    def hold_batch(self) -> None:
        """Grants batch jobs no first request, until `release_batch`: others may be about to do those that wait."""
        self._batch_held = True
        self._serve()

    def release_batch(self) -> None:
        """Goes on granting batch jobs."""
        self._batch_held = False
        self._serve()

    def _heads(self, lane: Lane) -> list[_Waiter]:
        """Of each voice model the longest waiting, in their order."""
        held = self._batch_held and lane is Lane.BATCH
        first = (
            next((each for each in waiters if each.goes_on or not held), None)
            for waiters in self._waiting[lane].values()
        )
        return sorted((each for each in first if each is not None), key=lambda waiter: waiter.number)

    def _leave(self, waiter: _Waiter) -> None:
        waiters = self._waiting[waiter.lane][waiter.voice_model]
        if waiter in waiters:
            waiters.remove(waiter)
        elif waiter.granted.done() and not waiter.granted.cancelled() and waiter.granted.result():
            self.give_back(waiter.voice_model, waiter.lane)

    def _serve(self) -> None:
        """Grants what may be granted now, and comes back when more may be."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = self._clock.monotonic()
        # What dialogue has to wait for batch may not take either: its limits are the lower ones.
        for lane in (Lane.DIALOGUE, Lane.BATCH):
            while (waiter := self._next(lane, now)) is not None:
                self._waiting[lane][waiter.voice_model].remove(waiter)
                if _answer(waiter, granted=True):
                    self._quota.take(waiter.voice_model, lane, now)
        # After that: who may not wait at all is granted what is there.
        for waiters in self._waiting[Lane.DIALOGUE].values():
            while waiters and waiters[0].gives_up_at <= now:
                _answer(waiters.popleft(), granted=False)
        heads = [*self._heads(Lane.DIALOGUE), *self._heads(Lane.BATCH)]
        if heads:
            at = min(
                min(each.gives_up_at - now, self._quota.wait_s(each.voice_model, each.lane, now)) for each in heads
            )
            self._timer = self._later(min(max(at, _LEAST_S), _LOOK_AGAIN_S), self._serve)

    def _next(self, lane: Lane, now: float) -> _Waiter | None:
        """The longest waiting of those whose voice model may be asked."""
        return next((each for each in self._heads(lane) if self._quota.wait_s(each.voice_model, lane, now) <= 0), None)


def _in_force(limit: RateLimit, clock: Clock) -> float:
    return limit.in_force(clock.monotonic())


def _answer(waiter: _Waiter, *, granted: bool) -> bool:
    """Tells a waiter; one whose job was cancelled in the same moment is passed over."""
    if waiter.granted.done():
        return False
    waiter.granted.set_result(granted)
    return True
