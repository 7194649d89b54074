"""Gates and roll-back rules (guardrails) of a plan: what each measures, and its limit. Pure."""

from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from typing import Final, Literal, Self

from pydantic import Field, model_validator

from worker.rollout.plan.units import DAY, Duration, Part, Share


class Measure(StrEnum):
    """What a gate or rule measures.

    Rates and times cover Chirp's own attempts for jobs that the percentage decided. Stored takes are no attempts, but
    players hear them: complaints are counted by completions.
    """

    ERROR_RATE = "error_rate"
    FALLBACK_RATE = "fallback_rate"
    MEAN_TIME = "mean_time"
    P95_TIME = "p95_time"
    CACHE_HIT_RATE = "cache_hit_rate"
    ERRORS_AGAINST_CONTROL = "errors_against_control"
    SLOW_AGAINST_CONTROL = "slow_against_control"
    COMPLAINT_RATE = "complaint_rate"
    COMPLAINTS_AGAINST_CONTROL = "complaints_against_control"
    PREFERENCE = "preference"
    QUERY = "query"


RATES: Final = frozenset({Measure.ERROR_RATE, Measure.FALLBACK_RATE, Measure.COMPLAINT_RATE})
TIMES: Final = frozenset({Measure.MEAN_TIME, Measure.P95_TIME})
AGAINST_CONTROL: Final = frozenset(
    {Measure.ERRORS_AGAINST_CONTROL, Measure.SLOW_AGAINST_CONTROL, Measure.COMPLAINTS_AGAINST_CONTROL}
)
COMPLAINTS: Final = frozenset({Measure.COMPLAINT_RATE, Measure.COMPLAINTS_AGAINST_CONTROL})
DEFAULT_MARGIN: Final = 0.45
MIN_MARGIN, MAX_MARGIN = 0.2, 0.6


class NoData(StrEnum):
    """The verdict while the sample is below its minimum or the query returns no data."""

    HOLD = "hold"
    PASS = "pass"  # noqa: S105
    FAIL = "fail"


class Condition(Part):
    """What gates and rules have in common.

    Attributes:
        measure: what is measured.
        limit: a share for rates, seconds for times, a number for queries; comparisons have none. For a preference the
            share of votes "preferred or equal", 0.45 by default.
        name: a query's name for people; other conditions are named by their measure.
        query: PromQL that returns one number.
        min_sample: the minimum sample size in attempts, below which `no_data` is the verdict; default: the plan's.
        no_data: the verdict while there is too little data.
        errors_allowed: a query may fail so many times in a row before its verdict is `error`.
        dry_run: the condition is measured and shown, and decides nothing.
    """

    measure: Measure
    limit: float | None = Field(default=None, ge=0, le=1e15)
    name: str | None = Field(default=None, min_length=1, max_length=64)
    query: str | None = Field(default=None, min_length=1)
    min_sample: int | None = Field(default=None, ge=1, le=1_000_000_000)
    no_data: NoData = NoData.HOLD
    errors_allowed: int = Field(default=3, ge=0, le=1_000_000)
    dry_run: bool = False

    @cached_property
    def title(self) -> str:
        """The name for people; unique among a stage's conditions of one use."""
        return self.name or self.measure.value

    @model_validator(mode="after")
    def _has_what_its_measure_needs(self) -> Self:
        if (self.measure is Measure.QUERY) != (self.query is not None):
            raise ValueError("query: required for measure query, and allowed for no other")
        if self.measure is Measure.QUERY and self.name is None:
            raise ValueError("name: required for a query, as people see it")
        is_limited = self.measure not in AGAINST_CONTROL | {Measure.CACHE_HIT_RATE}
        if (self.limit is None) is is_limited and self.measure is not Measure.PREFERENCE:
            raise ValueError(
                "limit: required for rates, times and queries; comparisons and cache_hit_rate have none "
                "(they use control.* and drop)"
            )
        if self.measure in RATES and self.limit is not None and not 0 < self.limit < 1:
            raise ValueError("limit: a rate's limit is a share between 0 and 1, such as 0.05 for 5 %")
        if self.measure is Measure.PREFERENCE and not MIN_MARGIN <= self.margin <= MAX_MARGIN:
            raise ValueError(f"limit: a preference's is a share of votes from {MIN_MARGIN:g} to {MAX_MARGIN:g}")
        return self

    @property
    def margin(self) -> float:
        """The share of votes that a preference must be shown to be above."""
        return DEFAULT_MARGIN if self.limit is None else self.limit


class Gate(Condition):
    """What must hold before a promotion: the measure is shown to be below its limit.

    `above` inverts a query's gate: its value must be above the limit. `drop` is how much the cache hit rate may fall,
    as a share of all look-ups, after `warm_up`. `votes` is the number of votes on each character at which a preference
    has its full power.
    """

    above: bool = False
    drop: Share = 0.1
    warm_up: Duration = timedelta(hours=6)
    votes: int = Field(default=60, ge=20, le=1000)


class Rule(Condition):
    """What rolls back: the measure is shown to be above its limit.

    Attributes:
        last: beside the windows it is evaluated over the last so many attempts, however long they took: at little
            traffic no window ever holds enough of them. Only for rates and times; its failure alone is enough.
        when_control_fails: what happens if the control's errors are above the limit too.
    """

    last: int | None = Field(default=None, ge=20, le=1_000_000)
    when_control_fails: Literal["roll_back", "hold"] = "roll_back"

    @model_validator(mode="after")
    def _has_attempts(self) -> Self:
        if self.last is not None and self.measure not in RATES | TIMES:
            raise ValueError(
                "last: only for rates and times; a comparison keeps all evidence, a query has its own range"
            )
        return self


class RollBack(Part):
    """The roll-back rules of a stage.

    Attributes:
        at_once: turn Chirp off; failing in the short or the long window is enough.
        step: go back one stage; the rule must fail in both windows.
        character: evaluated for each character; a failing one is excluded for `quarantine`, the others continue.
    """

    at_once: tuple[Rule, ...] = ()
    step: tuple[Rule, ...] = ()
    character: tuple[Rule, ...] = ()
    quarantine: Duration = DAY
