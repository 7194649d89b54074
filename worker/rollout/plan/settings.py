"""Settings of a plan beside its gates: windows, confidence bounds, control, freezes, expected traffic, limits. Pure."""

from datetime import datetime, timedelta
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import Field, model_validator

from worker.rollout.plan.units import Duration, Part, Share, format_duration


class Windows(Part):
    """The time windows of counting and evaluation.

    Attributes:
        resolution: attempts are counted in steps of this length, by the time of their end.
        short: the short window of the roll-back rules, and the window of the comparison with the control.
        long: the long window of the roll-back rules.
        settle: a step is evaluated this long after its end: the longest that an attempt may take to be published.
    """

    resolution: Duration = timedelta(minutes=1)
    short: Duration = timedelta(minutes=5)
    long: Duration = timedelta(hours=1)
    settle: Duration = timedelta(minutes=3)

    @model_validator(mode="after")
    def _are_multiples(self) -> Self:
        if not timedelta(0) < self.resolution <= self.short <= self.long:
            raise ValueError("resolution, short, long: each must be at least the one before it, and above 0")
        for name in ("short", "long"):
            if getattr(self, name) % self.resolution:
                raise ValueError(f"{name}: must be a multiple of resolution, {format_duration(self.resolution)}")
        return self


class Bounds(Part):
    """The confidence that gates and rules need, as z of a one-sided confidence bound (Wilson's for rates).

    1.645 is 95 %: a gate that holds a healthy stage by chance costs one round. 2.58 is 99.5 %: rules are evaluated
    every few minutes for weeks, and at 1.645 they would roll a healthy system back.
    """

    promote_z: float = Field(default=1.645, gt=0, le=10)
    roll_back_z: float = Field(default=2.58, gt=0, le=10)


class Control(Part):
    """The comparison of Chirp with the control (WaveNet at the same time), by a sequential test: valid at every look.

    Attributes:
        alpha: the false-alarm rate within `over`: one half for the comparisons of all characters together, the other
            for the characters' own.
        over: the time that alpha covers.
        slow: an attempt that takes longer counts as slow, in seconds; a multiple of 0.1 up to 10, of 1 above.
        ratios: the odds ratios that the test looks for.
    """

    alpha: Share = 0.01
    over: Duration = timedelta(days=7)
    slow: float = Field(default=2.0, gt=0, le=60)
    ratios: tuple[Annotated[float, Field(gt=1, le=1000)], ...] = Field(
        default=(1.5, 2.0, 3.0, 5.0, 10.0, 25.0), min_length=1, max_length=20
    )


class Freeze(Part):
    """A change freeze: a time without promotions. Roll-backs are never held.

    `cron` gives the beginnings in `time_zone`; each freeze lasts for `lasts`.
    """

    cron: str
    lasts: Duration
    time_zone: str = "UTC"
    why: str = Field(min_length=1, max_length=200)

    @model_validator(mode="after")
    def _is_valid(self) -> Self:
        try:
            zone = ZoneInfo(self.time_zone)
        except (OSError, ValueError):
            raise ValueError(f"time_zone: {self.time_zone!r} is no time zone such as Europe/Berlin") from None
        try:
            CronSim(self.cron, datetime(2026, 1, 1, tzinfo=zone))
        except CronSimError:
            raise ValueError(f"cron: {self.cron!r} is no cron expression such as '0 16 * * FRI'") from None
        return self


class Expects(Part):
    """The expected traffic, for which the plan is checked.

    Attributes:
        jobs_a_day: of all characters together.
        peak: the busiest minute's rate over the mean rate.
        new_takes: the share of jobs without a stored take; only these make an attempt.
        text_characters: the mean length of a line, which Google bills.
        complaints: the share of completions that players report while both models are good.
        shares: each character's share of the jobs; characters without one share the rest equally.
    """

    jobs_a_day: int = Field(default=20_000, ge=1, le=100_000_000)
    peak: float = Field(default=4.0, ge=1, le=1000)
    new_takes: float = Field(default=0.7, gt=0, le=1)
    text_characters: int = Field(default=80, ge=1, le=50_000)
    complaints: Share = 0.001
    shares: dict[str, Annotated[float, Field(gt=0, le=1_000_000)]] = Field(default_factory=dict)


class Limits(Part):
    """Quota and budget of the plan. Google's default quota for Chirp 3 is 200 requests a minute per project."""

    chirp_requests_a_minute: int = Field(default=200, ge=1, le=1_000_000)
    dollars_a_month: float | None = Field(default=None, gt=0, le=1e9)
