"""A trace: the traffic of a simulation as data, by character and voice model, and its changes over time. Pure."""

from collections.abc import Collection
from datetime import timedelta
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from schemas.enums import VoiceModel
from worker.rollout.plan.units import Characters, Duration, Part

Rate = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(gt=0, le=600)]
Spread = Annotated[float, Field(gt=0, le=10)]
HIGHEST_PEAK: Final = 2.0


class ModelBehaviour(Part):
    """The behaviour of a voice model.

    Attributes:
        errors: the share of attempts that fail.
        seconds: the mean duration of an attempt; durations are log-normal.
        spread: their standard deviation over their mean.
        falls_back: the share of Chirp's failed attempts that fall back to WaveNet, if the plan allows it.
        hits: the share of jobs that a stored take answers; they make no attempt.
        complaints: the share of completions that a player reports, who hasn't reported the model within a day.
    """

    errors: Rate = 0.02
    seconds: Seconds = 1.0
    spread: Spread = 0.5
    falls_back: Rate = 1.0
    hits: Rate = 0.0
    complaints: Rate = 0.001


class Listeners(Part):
    """The listeners who compare both models of the characters that get Chirp.

    Attributes:
        votes_a_day: of all characters together.
        chirp: the share of votes for Chirp.
        equal: the share of votes that neither take is better; the rest is for WaveNet.
    """

    votes_a_day: int = Field(default=300, ge=0, le=1_000_000)
    chirp: Rate = 1 / 3
    equal: Rate = 1 / 3

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.chirp + self.equal > 1 + 1e-9:
            raise ValueError(f"chirp, equal: their sum is {self.chirp + self.equal:g}, and must not be above 1")
        return self


class Shift(Part):
    """A change of traffic or behaviour for some time; of several at once, the last in the file applies.

    Attributes:
        at: its begin, counted from the trace's begin.
        lasts: its duration; to the trace's end by default.
        voice_model: the model that changes; both by default.
        characters: the characters that change; all by default.
        errors: as in `ModelBehaviour`, like `seconds`, `spread`, `falls_back`, `hits` and `complaints`; unchanged by
            default.
        jobs: a factor of the number of jobs.
    """

    at: Duration
    lasts: Duration | None = None
    voice_model: Literal["chirp3-hd", "wavenet"] | None = None
    characters: Characters = None
    errors: Rate | None = None
    seconds: Seconds | None = None
    spread: Spread | None = None
    falls_back: Rate | None = None
    hits: Rate | None = None
    complaints: Rate | None = None
    jobs: float | None = Field(default=None, ge=0, le=1000)

    @model_validator(mode="after")
    def _jobs_have_no_model(self) -> Self:
        if self.jobs is not None and self.voice_model is not None:
            raise ValueError("jobs: the rollout decides which model gets a job; leave out voice_model")
        return self

    def applies(self, after: timedelta) -> bool:
        """Whether it applies at a time after the trace's begin."""
        return self.at <= after and (self.lasts is None or after < self.at + self.lasts)


class Trace(Part):
    """The traffic of a simulation.

    Attributes:
        lasts: its duration.
        breaks_at: when Chirp breaks, so that a roll-back is right; None if it stays healthy and every one is wrong.
        jobs_a_day: of all characters together.
        peak: the rate at the busiest time of a day, 18:00 UTC, over the mean rate; it follows a sine.
        shares: each character's share of the jobs; characters without one share the rest equally.
        lengths: of texts in characters, each with its weight.
        models: the behaviour of each model at the begin.
        listeners: who vote on pairs of takes.
        shifts: the changes during the trace.
    """

    version: Literal[1]
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    text: str = Field(default="", max_length=500)
    lasts: Duration
    breaks_at: Duration | None = None
    jobs_a_day: int = Field(ge=1, le=100_000_000)
    peak: float = Field(default=1.0, ge=1, le=HIGHEST_PEAK)
    shares: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    lengths: dict[Annotated[int, Field(ge=1)], Annotated[float, Field(gt=0)]] = Field(
        default_factory=lambda: {80: 1.0}, min_length=1
    )
    models: dict[VoiceModel, ModelBehaviour] = Field(default_factory=dict)
    listeners: Listeners = Listeners()
    shifts: tuple[Shift, ...] = ()

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.lasts <= timedelta(0):
            raise ValueError("lasts: must be above 0")
        if sum(self.shares.values()) > 1 + 1e-9:
            raise ValueError(f"shares: their sum is {sum(self.shares.values()):g}, and must not be above 1")
        return self

    def job_shares(self, catalogue: Collection[str]) -> dict[str, float]:
        """Return each character's share of the jobs; their sum is 1."""
        others = [name for name in catalogue if name not in self.shares]
        left = max(0.0, 1 - sum(self.shares.values()))
        shares = {**dict.fromkeys(others, left / max(1, len(others))), **self.shares}
        total = sum(shares.values()) or 1.0
        return {name: share / total for name, share in shares.items()}

    def behaviour(self, after: timedelta, voice_model: VoiceModel, character: str) -> ModelBehaviour:
        """Return a model's behaviour for a character at a time after the trace's begin."""
        fields = ("errors", "seconds", "spread", "falls_back", "hits", "complaints")
        found = self.models.get(voice_model, ModelBehaviour())
        for shift in self._shifts(after, character):
            if shift.voice_model in {None, voice_model.value}:
                given = {name: getattr(shift, name) for name in fields}
                found = found.model_copy(update={name: value for name, value in given.items() if value is not None})
        return found

    def job_factor(self, after: timedelta, character: str) -> float:
        """Return the factor of a character's number of jobs at a time after the trace's begin."""
        factors = [shift.jobs for shift in self._shifts(after, character) if shift.jobs is not None]
        return factors[-1] if factors else 1.0

    def changes_within(self, first: timedelta, second: timedelta) -> bool:
        """Whether a shift begins or ends after the first time and no later than the second."""
        ends = (shift.at + shift.lasts for shift in self.shifts if shift.lasts is not None)
        return any(first < each <= second for each in (*(shift.at for shift in self.shifts), *ends))

    def _shifts(self, after: timedelta, character: str) -> list[Shift]:
        return [
            shift
            for shift in self.shifts
            if shift.applies(after) and (shift.characters is None or character in shift.characters)
        ]
