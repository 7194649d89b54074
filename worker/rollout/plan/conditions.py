"""What a plan's gates and roll-back rules look at, and their limits. Pure."""

from datetime import timedelta
from enum import StrEnum
from typing import Final, Literal, Self

from pydantic import Field, model_validator

from worker.rollout.plan.units import DAY, Duration, Part, Share


class Measure(StrEnum):
    """What a gate or rule looks at.

    Rates and times are those of Chirp's own attempts that the percentage decided, cached takes aside.
    """

    ERROR_RATE = "error_rate"
    FALLBACK_RATE = "fallback_rate"
    MEAN_TIME = "mean_time"
    P95_TIME = "p95_time"
    CACHE_HIT_RATE = "cache_hit_rate"
    ERRORS_AGAINST_CONTROL = "errors_against_control"
    SLOW_AGAINST_CONTROL = "slow_against_control"
    QUERY = "query"


RATES: Final = frozenset({Measure.ERROR_RATE, Measure.FALLBACK_RATE})
TIMES: Final = frozenset({Measure.MEAN_TIME, Measure.P95_TIME})
AGAINST_CONTROL: Final = frozenset({Measure.ERRORS_AGAINST_CONTROL, Measure.SLOW_AGAINST_CONTROL})


class NoData(StrEnum):
    """What a gate says while its sample is too small or its query gives nothing."""

    HOLD = "hold"
    PASS = "pass"  # noqa: S105
    FAIL = "fail"


class Condition(Part):
    """What gates and rules have in common.

    Attributes:
        measure: what is looked at.
        limit: a share for rates, seconds for times, a number for queries; comparisons have none.
        name: of a query, for people; others are called by their measure.
        query: PromQL that gives one number.
        min_sample: attempts below which nothing is said; the plan's if None.
        no_data: what is said then.
        errors_allowed: of a query in a row, before it is told as broken.
        dry_run: it is measured and shown, and decides nothing.
    """

    measure: Measure
    limit: float | None = Field(default=None, ge=0)
    name: str | None = Field(default=None, min_length=1, max_length=64)
    query: str | None = Field(default=None, min_length=1)
    min_sample: int | None = Field(default=None, ge=1)
    no_data: NoData = NoData.HOLD
    errors_allowed: int = Field(default=3, ge=0)
    dry_run: bool = False

    @property
    def title(self) -> str:
        """Its name for people, unique among a stage's gates or rules of one kind."""
        return self.name or self.measure.value

    @model_validator(mode="after")
    def _has_what_its_measure_needs(self) -> Self:
        if (self.measure is Measure.QUERY) != (self.query is not None):
            raise ValueError("query: a gate of measure query has one, no other has")
        if self.measure is Measure.QUERY and self.name is None:
            raise ValueError("name: a query needs one, it is shown to people")
        if (self.limit is None) != (self.measure in AGAINST_CONTROL | {Measure.CACHE_HIT_RATE}):
            raise ValueError(
                "limit: rates, times and queries have one; comparisons and cache_hit_rate have none (control.*, drop)"
            )
        if self.measure in RATES and self.limit is not None and not 0 < self.limit < 1:
            raise ValueError("limit: of a rate it is a share between 0 and 1, such as 0.05 for 5 %")
        return self


class Gate(Condition):
    """What must hold for a promotion: the measure shown to be below its limit.

    `above` turns it round for a query. `drop` is how much the cache hit rate may fall, as a share of all look-ups,
    after `warm_up`.
    """

    above: bool = False
    drop: Share = 0.1
    warm_up: Duration = timedelta(hours=6)


class Rule(Condition):
    """What rolls back: the measure shown to be over its limit.

    `when_control_fails` says what follows where the control's errors are over the limit too.
    """

    when_control_fails: Literal["roll_back", "hold"] = "roll_back"


class RollBack(Part):
    """The rules of a stage.

    Attributes:
        at_once: turn Chirp off; the short or the long window suffices.
        step: go back one stage; both windows are asked.
        character: judged for each character; take it out for `quarantine`, the others go on.
    """

    at_once: tuple[Rule, ...] = ()
    step: tuple[Rule, ...] = ()
    character: tuple[Rule, ...] = ()
    quarantine: Duration = DAY
