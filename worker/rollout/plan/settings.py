"""What a plan is judged and checked by beside its gates: windows, bounds, freezes, expected traffic, limits. Pure."""

from datetime import datetime, timedelta
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import Field, model_validator

from worker.rollout.plan.units import Duration, Part, Share, spelled


class Windows(Part):
    """Over which times is counted and judged.

    Attributes:
        resolution: attempts are counted by the time, so long, in which they ended.
        short: of the roll-back rules, and of the comparison with the control.
        long: of the roll-back rules.
        settle: a time is judged once this has passed over it: the longest that an attempt waits to be published.
    """

    resolution: Duration = timedelta(minutes=1)
    short: Duration = timedelta(minutes=5)
    long: Duration = timedelta(hours=1)
    settle: Duration = timedelta(minutes=3)

    @model_validator(mode="after")
    def _are_multiples(self) -> Self:
        if not timedelta(0) < self.resolution <= self.short <= self.long:
            raise ValueError("resolution, short, long: each at least the one before it, and above 0")
        for name in ("short", "long"):
            if getattr(self, name) % self.resolution:
                raise ValueError(f"{name}: must be a multiple of resolution, {spelled(self.resolution)}")
        return self


class Bounds(Part):
    """How sure a gate or rule must be, as z of a one-sided bound (Wilson's for rates).

    1.645 is 95 %: a healthy stage that is held once too often costs a round. 2.58 is 99.5 %: rules are asked every few
    minutes for weeks, and at 1.645 they would roll a healthy system back.
    """

    promote_z: float = Field(default=1.645, gt=0, le=10)
    roll_back_z: float = Field(default=2.58, gt=0, le=10)


class Control(Part):
    """The comparison of Chirp with WaveNet at the same time, by a test that may be looked at all the time.

    Attributes:
        alpha: how often a healthy system may be called ill within `over`: half for the comparisons of all characters
            together, half for the characters' own.
        over: the time that alpha is for.
        slow: an attempt that took longer counts as slow, in seconds; a multiple of 0.1 up to 10, of 1 above.
        ratios: the odds ratios that are looked for.
    """

    alpha: Share = 0.01
    over: Duration = timedelta(days=7)
    slow: float = Field(default=2.0, gt=0, le=60)
    ratios: tuple[Annotated[float, Field(gt=1)], ...] = Field(default=(1.5, 2.0, 3.0, 5.0, 10.0, 25.0), min_length=1)


class Freeze(Part):
    """A time in which nothing is promoted; roll-backs are never held.

    `cron` gives its beginnings in `time_zone`, each lasts for `lasts`.
    """

    cron: str
    lasts: Duration
    time_zone: str = "UTC"
    why: str = Field(min_length=1, max_length=200)

    @model_validator(mode="after")
    def _can_be_read(self) -> Self:
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
    """The traffic that the plan is checked for.

    Attributes:
        jobs_a_day: of all characters together.
        peak: the busiest minute's rate over the mean.
        new_takes: the share of jobs whose take isn't stored yet; the others make no attempt.
        text_characters: of a line, on average: what Google bills.
        shares: of the jobs by character; equal where left out.
    """

    jobs_a_day: int = Field(default=20_000, ge=1)
    peak: float = Field(default=4.0, ge=1)
    new_takes: float = Field(default=0.7, gt=0, le=1)
    text_characters: int = Field(default=80, ge=1)
    shares: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)


class Limits(Part):
    """What the plan must stay within. Google's default quota for Chirp 3 is 200 requests a minute and project."""

    chirp_requests_a_minute: int = Field(default=200, ge=1)
    dollars_a_month: float | None = Field(default=None, gt=0)
