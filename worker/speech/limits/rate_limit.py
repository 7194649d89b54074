"""Rate limit: a sliding window for all requests, a leaky bucket for batch, back-off after Google's refusals. Pure.

It covers this worker's share of Google's quota, and puts dialogue before batch. Google's limits are per minute. Whether
its minutes slide or begin at fixed times isn't published. Requests that stay within the limit in every 60 s stay within
it either way.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Final

from schemas.enums import Lane, VoiceModel
from worker.speech.limits.sliding_window import SlidingWindow

MINUTE_S: Final = 60.0
# The part of the limit that is used: clocks and shares of workers are never quite exact.
_USED_PART: Final = 0.99
# A request counts for so much longer than a minute: calls travel for different times, so they may reach Google closer
# together than they were made.
_TRAVEL_S: Final = 0.25
# Leaky bucket: batch leaks a little faster than its limit allows in the long run, to catch up after a moment without
# jobs; and so many seconds' worth may go at once.
_PACE: Final = 1.02
_BURST_S: Final = 0.5
# Dialogue counts as active for so long after its last request. While it is active, batch leaves as much free as
# dialogue requested in the busiest step of the last minute. Simulated with a backlog of batch on three workers, with 20
# to 60 of 200 requests a minute from dialogue, or 100 to 400 of 1,000: at most 2 % of dialogue is refused, and 95 to
# 97 % of the quota is used. Longer steps refuse less, shorter steps use more.
_ACTIVE_S: Final = 600.0
_STEP_S: Final = 2.0
# When a worker gets more of the quota, other workers have used so much of it in the last minute. The rest lets a fresh
# worker answer at once.
_USED_BEFORE: Final = 0.97
# Back-off: the factor by which a refusal lowers the limit, and the lowest part of the limit.
_BACK_OFF: Final = 0.9
_LEAST: Final = 0.1
_RECOVERY_A_SECOND: Final = (1 - _BACK_OFF) / MINUTE_S
# The back-off that Google's SLA requires after an error: a second, doubled up to 32.
_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 32.0
# A share such as 1/3 is no whole number of requests: a little more or less evens out over workers and minutes.
_ROUNDING: Final = 0.25


@dataclass(frozen=True)
class RateLimitRules:
    """Requests a minute of the whole project, by voice model and in `total`; 0 for no limit.

    `reserve` is the largest share of a limit that batch leaves free while dialogue is active.
    """

    by_voice_model: Mapping[VoiceModel, int]
    total: int
    reserve: float


class RateLimit:
    """This worker's share of one limit: a sliding window, a leaky bucket for batch, and back-off.

    Args:
        per_minute: the project's requests a minute; 0 for no limit: then only Google's refusals hold requests up.
        reserve: the largest share of the limit that batch leaves free while dialogue is active.
    """

    def __init__(self, per_minute: int, reserve: float) -> None:
        self._per_minute = per_minute
        self._reserve = reserve
        self._share = 0.0
        self._window = SlidingWindow(MINUTE_S + _TRAVEL_S)
        self._next_at = -inf
        # How many requests dialogue wanted in each step.
        self._dialogue: dict[int, int] = {}
        self._dialogue_at = -inf
        self._factor, self._factor_at = 1.0, 0.0
        self._pause_s, self._paused_until = 0.0, -inf

    def in_force(self, now: float) -> float:
        """Requests a minute that this worker may make now; infinite without a limit."""
        if not self._per_minute:
            return inf
        factor = min(1.0, self._factor + (now - self._factor_at) * _RECOVERY_A_SECOND)
        return _USED_PART * self._per_minute * self._share * factor

    def set_share(self, share: float, now: float) -> None:
        """Sets this worker's share of the limit, 0 to 1. What the last minute used moves with the share."""
        if share < self._share:
            self._window.scale(share / self._share)
        elif share > self._share and self._per_minute:
            self._window.fill(_USED_BEFORE * _USED_PART * self._per_minute * (share - self._share), now)
        self._share = share

    def note_demand(self, lane: Lane, now: float) -> None:
        """Notes that a job wants to make a request."""
        if lane is Lane.DIALOGUE and self._per_minute:
            self._dialogue_at = now
            step = int(now // _STEP_S)
            self._dialogue[step] = self._dialogue.get(step, 0) + 1
            self._forget(now)

    def wait_s(self, lane: Lane, now: float, ahead: int = 0) -> float:
        """Seconds until a request may be made; 0 if it may be made now, infinite without a share.

        Args:
            lane: the job's.
            now: the monotonic clock's time.
            ahead: how many requests are made before it.
        """
        # Dialogue ignores the pause: a player waits, and a refusal takes only a moment.
        paused = max(0.0, self._paused_until - now) if lane is Lane.BATCH else 0.0
        if not self._per_minute:
            return paused
        limit = self.in_force(now)
        if not limit:
            return inf
        if lane is Lane.BATCH:
            limit -= self._kept_free(limit, now)
            paused = max(paused, self._next_at - _BURST_S - now)
        return max(paused, self._window.seconds_until(max(1.0, limit) + _ROUNDING - 1 - ahead, now))

    def take(self, lane: Lane, now: float) -> None:
        """Counts a request that is made, whether the limit allows it or not."""
        if not self._per_minute:
            return
        self._window.add(now)
        limit = self.in_force(now)
        if lane is Lane.BATCH and limit:
            self._next_at = max(self._next_at, now) + MINUTE_S / (_PACE * limit)

    def give_back(self, lane: Lane, now: float) -> None:
        """Takes back a request that was counted and not made."""
        if not self._per_minute:
            return
        self._window.add(now, -1.0)
        if lane is Lane.BATCH:
            self._next_at = min(self._next_at, now)

    def record_refusal(self, requested_at: float, now: float) -> bool:
        """Backs off after Google refused a request, since others use the quota too: batch pauses, the limit is lowered.

        Args:
            requested_at: when the request was made.
            now: the monotonic clock's time.

        Returns:
            False if the request was under way before the pause for another refusal ended: it says nothing new.
        """
        if requested_at < self._paused_until:
            return False
        again = requested_at - self._paused_until <= self._pause_s
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S) if again else _FIRST_PAUSE_S
        self._paused_until = now + self._pause_s
        factor = min(1.0, self._factor + (now - self._factor_at) * _RECOVERY_A_SECOND)
        self._factor, self._factor_at = max(_LEAST, factor * _BACK_OFF), now
        return True

    def _kept_free(self, limit: float, now: float) -> float:
        """What batch leaves for dialogue while that is active: at least one request, at most the reserve."""
        self._forget(now)
        if not self._reserve or now - self._dialogue_at > _ACTIVE_S:
            return 0.0
        return min(float(max(self._dialogue.values(), default=1)), max(1.0, self._reserve * limit))

    def _forget(self, now: float) -> None:
        oldest = int((now - MINUTE_S) // _STEP_S)
        for step in [step for step in self._dialogue if step < oldest]:
            del self._dialogue[step]


class RateLimits:
    """All rate limits of this worker: each voice model's, and the one for all of them together."""

    def __init__(self, rules: RateLimitRules) -> None:
        self.total = RateLimit(rules.total, rules.reserve)
        self.by_voice_model = {
            voice_model: RateLimit(rules.by_voice_model.get(voice_model, 0), rules.reserve)
            for voice_model in VoiceModel
        }

    def set_share(self, share: float, now: float) -> None:
        """Sets this worker's share of every limit, 0 to 1."""
        for limit in (self.total, *self.by_voice_model.values()):
            limit.set_share(share, now)

    def note_demand(self, voice_model: VoiceModel, lane: Lane, now: float) -> None:
        """Notes that a job wants to make a request."""
        for limit in self._limits_for(voice_model):
            limit.note_demand(lane, now)

    def wait_s(self, voice_model: VoiceModel, lane: Lane, now: float, ahead: int = 0) -> float:
        """Seconds until a request may be made, as `RateLimit.wait_s`."""
        return max(limit.wait_s(lane, now, ahead) for limit in self._limits_for(voice_model))

    def take(self, voice_model: VoiceModel, lane: Lane, now: float) -> None:
        """Counts a request."""
        for limit in self._limits_for(voice_model):
            limit.take(lane, now)

    def give_back(self, voice_model: VoiceModel, lane: Lane, now: float) -> None:
        """Takes back a request that was counted and not made."""
        for limit in self._limits_for(voice_model):
            limit.give_back(lane, now)

    def record_refusal(self, voice_model: VoiceModel, requested_at: float, now: float) -> bool:
        """Backs off after Google refused a request, as `RateLimit.record_refusal`."""
        return self.by_voice_model[voice_model].record_refusal(requested_at, now)

    def _limits_for(self, voice_model: VoiceModel) -> tuple[RateLimit, RateLimit]:
        return self.by_voice_model[voice_model], self.total
