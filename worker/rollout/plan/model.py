"""The plan: a rollout as data, its stages and questions. Pure; its file is `plan_file.py`'s.

Its words, conditions and settings are to be had from here too.
"""

from datetime import timedelta
from typing import Literal, Self

from pydantic import Field, model_validator

from worker.rollout.plan.conditions import (
    AGAINST_CONTROL,
    RATES,
    TIMES,
    Condition,
    Gate,
    Measure,
    NoData,
    RollBack,
    Rule,
)
from worker.rollout.plan.rehearsal import rehearsed
from worker.rollout.plan.settings import Bounds, Control, Expects, Freeze, Limits, Windows
from worker.rollout.plan.units import DAY, Characters, Duration, Hundredths, Part, duration, spelled

__all__ = [
    "AGAINST_CONTROL",
    "DAY",
    "RATES",
    "TIMES",
    "Bounds",
    "Condition",
    "Control",
    "Expects",
    "Freeze",
    "Gate",
    "Limits",
    "Measure",
    "NoData",
    "Plan",
    "Question",
    "RollBack",
    "Rule",
    "Stage",
    "Windows",
    "duration",
    "spelled",
]


class Question(Part):
    """What a person must say yes to before the stage ends."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")
    question: str = Field(min_length=1, max_length=200)


class Stage(Part):
    """One step: who hears Chirp, for how long at least and at most, and what must hold to go on.

    `gates` and `roll_back` default to the plan's. `min_sample` is of Chirp attempts that the percentage decided.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    text: str = Field(default="", max_length=200)
    enabled: bool = True
    percentage: Hundredths
    characters: Characters
    fallback: bool = True
    at_least: Duration
    at_most: Duration | None = None
    min_sample: int | None = Field(default=None, ge=1)
    gates: tuple[Gate, ...] | None = None
    roll_back: RollBack | None = None
    approvals: tuple[Question, ...] = ()
    risk: Literal["low", "medium", "high"] = "low"
    tell: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if self.at_most is not None and self.at_most < self.at_least:
            raise ValueError("at_most: must not be below at_least")
        names = [each.name for each in self.approvals]
        if len(set(names)) < len(names):
            raise ValueError("approvals: two have the same name")
        return self


class Plan(Part):
    """A rollout's plan.

    `length_bands` are the text lengths, in characters, at which a new band begins (the first begins at 0): latency is
    compared within a band.
    """

    version: Literal[1]
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    text: str = Field(default="", max_length=500)
    min_sample: int = Field(default=100, ge=1)
    gates: tuple[Gate, ...] = ()
    roll_back: RollBack = RollBack()
    stages: tuple[Stage, ...] = Field(min_length=1)
    windows: Windows = Windows()
    bounds: Bounds = Bounds()
    control: Control = Control()
    length_bands: tuple[int, ...] = (50, 150, 500, 2000)
    freeze: tuple[Freeze, ...] = ()
    expects: Expects = Expects()
    limits: Limits = Limits()

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        names = [stage.name for stage in self.stages]
        if len(set(names)) < len(names):
            raise ValueError("stages: two have the same name")
        edges = self.length_bands
        if any(edge <= 0 for edge in edges) or list(edges) != sorted(set(edges)):
            raise ValueError("length_bands: must be rising numbers above 0; the first band begins at 0 by itself")
        return self

    def stage(self, name: str) -> Stage:
        """The stage of a name.

        Raises:
            KeyError: the plan has none.
        """
        return self.stages[self.number(name)]

    def number(self, name: str) -> int:
        """Where a stage stands, from 0.

        Raises:
            KeyError: the plan has none of that name.
        """
        for number, stage in enumerate(self.stages):
            if stage.name == name:
                return number
        raise KeyError(name)

    def gates_of(self, stage: Stage) -> tuple[Gate, ...]:
        """What a stage's promotion asks."""
        return self.gates if stage.gates is None else stage.gates

    def rules_of(self, stage: Stage) -> RollBack:
        """What rolls a stage back."""
        return self.roll_back if stage.roll_back is None else stage.roll_back

    def sample_of(self, stage: Stage, condition: Condition) -> int:
        """The least attempts that a gate or rule of a stage judges."""
        return condition.min_sample or stage.min_sample or self.min_sample

    def band_of(self, text_characters: int) -> int:
        """The number of a text's length band, from 0."""
        return sum(text_characters >= edge for edge in self.length_bands)

    def rehearsed(self, day: timedelta) -> Self:
        """The same plan with shorter days; see `rehearsal.py`.

        Args:
            day: how long a day lasts.
        """
        return rehearsed(self, day)
