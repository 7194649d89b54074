"""Google's quota, as far as it is this worker's: when a request may be made, dialogue before batch. Pure.

Google's limits are by the minute; whether its minutes slide or begin anew isn't published. What stays within the limit
in every 60 s stays within it either way.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Final

from schemas.words import Lane, VoiceModel
from worker.speech.limits.sliding_window import SlidingWindow

MINUTE_S: Final = 60.0
# Workers' clocks and shares are never quite what they should be.
_OF_THE_LIMIT: Final = 0.99
# A request counts for so much longer than a minute: calls that are under way for different times come closer together
# at Google than they were made.
_WAY_S: Final = 0.25
# Batch is paced a little faster than its limit in the long run, so that it catches up on a moment without jobs.
_PACE: Final = 1.02
_BURST_S: Final = 0.5
# Dialogue counts as coming for so long after a request. Kept free for it is as much as it asked for in the busiest step
# of the last minute. Simulated with a backlog of batch on three workers, 20 to 60 of 200 requests a minute dialogue's
# or 100 to 400 of 1,000: at most 2 % of dialogue are refused, 95 to 97 % of the quota is used. Longer steps refuse
# less, shorter ones use more.
_COMING_S: Final = 600.0
_STEP_S: Final = 2.0
# Of a share that is new here others have used so much in the last minute; by the rest a fresh worker answers at once.
_USED_BEFORE: Final = 0.97
_BACK_OFF: Final = 0.9
_LEAST: Final = 0.1
_RECOVERY_A_SECOND: Final = (1 - _BACK_OFF) / MINUTE_S
# The SLA's back-off after an error: a second, doubling to 32.
_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 32.0
# A share like 1/3 is no whole number of requests: a little more or less evens out over workers and minutes.
_ROUNDING: Final = 0.25


@dataclass(frozen=True)
class RateLimitRules:
    """Requests a minute of the whole project by voice model and in `total`, 0 for no limit.

    `reserve` is the largest share of a limit that batch leaves free while dialogue comes.
    """

    by_voice_model: Mapping[VoiceModel, int]
    total: int
    reserve: float


class RateLimit:
    """One limit's part that is this worker's: a sliding window, a pace for batch, a back-off when Google refuses.

    Args:
        per_minute: the project's requests a minute; 0 for no limit, and then only Google's refusals hold requests up.
        reserve: the largest share that batch leaves free while dialogue comes.
    """

    def __init__(self, per_minute: int, reserve: float) -> None:
        self._per_minute = per_minute
        self._reserve = reserve
        self._share = 0.0
        self._window = SlidingWindow(MINUTE_S + _WAY_S)
        self._next_at = -inf
        # How many requests of dialogue came in each step.
        self._dialogue: dict[int, int] = {}
        self._dialogue_at = -inf
        self._factor, self._factor_at = 1.0, 0.0
        self._pause_s, self._paused_until = 0.0, -inf

    def in_force(self, now: float) -> float:
        """Requests a minute that this worker may make now; infinite without a limit."""
        if not self._per_minute:
            return inf
        factor = min(1.0, self._factor + (now - self._factor_at) * _RECOVERY_A_SECOND)
        return _OF_THE_LIMIT * self._per_minute * self._share * factor

    def set_share(self, share: float, now: float) -> None:
        """Takes another share of the limit, 0 to 1. What the last minute used goes along with the share."""
        if share < self._share:
            self._window.scale(share / self._share)
        elif share > self._share and self._per_minute:
            self._window.fill(_USED_BEFORE * _OF_THE_LIMIT * self._per_minute * (share - self._share), now)
        self._share = share

    def asked(self, lane: Lane, now: float) -> None:
        """Notes that a request is wanted."""
        if lane is Lane.DIALOGUE and self._per_minute:
            self._dialogue_at = now
            step = int(now // _STEP_S)
            self._dialogue[step] = self._dialogue.get(step, 0) + 1
            self._forget(now)

    def wait_s(self, lane: Lane, now: float, ahead: int = 0) -> float:
        """Seconds until a request may be made, 0 when it may now, infinite without a share.

        Args:
            lane: whose.
            now: the time.
            ahead: how many requests are made before it.
        """
        # Dialogue asks in a pause too: somebody waits, and a refusal takes no longer than a moment.
        paused = max(0.0, self._paused_until - now) if lane is Lane.BATCH else 0.0
        if not self._per_minute:
            return paused
        limit = self.in_force(now)
        if not limit:
            return inf
        if lane is Lane.BATCH:
            limit -= self._kept_free(limit, now)
            paused = max(paused, self._next_at - _BURST_S - now)
        return max(paused, self._window.falls_to(max(1.0, limit) + _ROUNDING - 1 - ahead, now))

    def take(self, lane: Lane, now: float) -> None:
        """Counts a request, whether it may be made or not."""
        if not self._per_minute:
            return
        self._window.add(now)
        limit = self.in_force(now)
        if lane is Lane.BATCH and limit:
            self._next_at = max(self._next_at, now) + MINUTE_S / (_PACE * limit)

    def give_back(self, lane: Lane, now: float) -> None:
        """Takes back a request that wasn't made."""
        if not self._per_minute:
            return
        self._window.add(now, -1.0)
        if lane is Lane.BATCH:
            self._next_at = min(self._next_at, now)

    def refused(self, asked_at: float, now: float) -> bool:
        """Google refused a request, since somebody else uses the quota too: a pause for batch, and less from then on.

        Args:
            asked_at: when the request was made.
            now: the time.

        Returns:
            False for what was under way when another was refused: it says nothing new.
        """
        if asked_at < self._paused_until:
            return False
        again = asked_at - self._paused_until <= self._pause_s
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S) if again else _FIRST_PAUSE_S
        self._paused_until = now + self._pause_s
        factor = min(1.0, self._factor + (now - self._factor_at) * _RECOVERY_A_SECOND)
        self._factor, self._factor_at = max(_LEAST, factor * _BACK_OFF), now
        return True

    def _kept_free(self, limit: float, now: float) -> float:
        """For dialogue, while it comes: at least one request, at most the reserve."""
        self._forget(now)
        if not self._reserve or now - self._dialogue_at > _COMING_S:
            return 0.0
        return min(float(max(self._dialogue.values(), default=1)), max(1.0, self._reserve * limit))

    def _forget(self, now: float) -> None:
        oldest = int((now - MINUTE_S) // _STEP_S)
        for step in [step for step in self._dialogue if step < oldest]:
            del self._dialogue[step]


class RateLimits:
    """All limits of this worker: each voice model's, and the one for all together."""

    def __init__(self, rules: RateLimitRules) -> None:
        self.total = RateLimit(rules.total, rules.reserve)
        self.by_voice_model = {
            voice_model: RateLimit(rules.by_voice_model.get(voice_model, 0), rules.reserve)
            for voice_model in VoiceModel
        }

    def set_share(self, share: float, now: float) -> None:
        """Takes another share of every limit, 0 to 1."""
        for limit in (self.total, *self.by_voice_model.values()):
            limit.set_share(share, now)

    def asked(self, voice_model: VoiceModel, lane: Lane, now: float) -> None:
        """Notes that a request is wanted."""
        for limit in self._of(voice_model):
            limit.asked(lane, now)

    def wait_s(self, voice_model: VoiceModel, lane: Lane, now: float, ahead: int = 0) -> float:
        """Seconds until a request may be made, as `Limit.wait_s`."""
        return max(limit.wait_s(lane, now, ahead) for limit in self._of(voice_model))

    def take(self, voice_model: VoiceModel, lane: Lane, now: float) -> None:
        """Counts a request."""
        for limit in self._of(voice_model):
            limit.take(lane, now)

    def give_back(self, voice_model: VoiceModel, lane: Lane, now: float) -> None:
        """Takes back a request that wasn't made."""
        for limit in self._of(voice_model):
            limit.give_back(lane, now)

    def refused(self, voice_model: VoiceModel, asked_at: float, now: float) -> bool:
        """Google refused a request, as `Limit.refused`."""
        return self.by_voice_model[voice_model].refused(asked_at, now)

    def _of(self, voice_model: VoiceModel) -> tuple[RateLimit, RateLimit]:
        return self.by_voice_model[voice_model], self.total
