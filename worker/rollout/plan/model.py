"""The plan: a rollout as data, its stages, gates, roll-back rules and approvals. Pure; `parser.py` reads its YAML."""

from typing import Final, Literal, Self

from pydantic import Field, model_validator

from worker.rollout.plan.conditions import Condition, Gate, RollBack
from worker.rollout.plan.settings import Bounds, Control, Expects, Freeze, Limits, Windows
from worker.rollout.plan.units import Characters, Duration, Hundredths, Part

VOICE_QUALITY: Final = "voice_quality"
"""The question that listeners' votes help to answer."""


class Question(Part):
    """A question that a person must answer with yes before the stage ends."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")
    question: str = Field(min_length=1, max_length=200)


class Stage(Part):
    """One step: who gets Chirp, for how long at least and at most, and what must hold before the next stage.

    `gates`, `roll_back` and `tell` default to the plan's. `min_sample` counts Chirp attempts for jobs that the
    percentage decided.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    text: str = Field(default="", max_length=200)
    enabled: bool = True
    percentage: Hundredths
    characters: Characters
    fallback: bool = True
    at_least: Duration
    at_most: Duration | None = None
    min_sample: int | None = Field(default=None, ge=1, le=1_000_000_000)
    gates: tuple[Gate, ...] | None = None
    roll_back: RollBack | None = None
    approvals: tuple[Question, ...] = ()
    risk: Literal["low", "medium", "high"] = "low"
    tell: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.at_most is not None and self.at_most < self.at_least:
            raise ValueError("at_most: must not be below at_least")
        names = [each.name for each in self.approvals]
        if len(set(names)) < len(names):
            raise ValueError("approvals: two have the same name")
        return self


class Plan(Part):
    """A rollout's plan.

    `length_bands` are the text lengths, in characters, at which a new band begins (the first begins at 0): latency is
    compared within a band. `tell` names the audiences of each roll-back, and of all else in stages without their own.
    """

    version: Literal[1]
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    text: str = Field(default="", max_length=500)
    min_sample: int = Field(default=100, ge=1, le=1_000_000_000)
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
    tell: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        names = [stage.name for stage in self.stages]
        if len(set(names)) < len(names):
            raise ValueError("stages: two have the same name")
        edges = self.length_bands
        if any(edge <= 0 for edge in edges) or list(edges) != sorted(set(edges)):
            raise ValueError("length_bands: must be rising numbers above 0; the first band begins at 0 by itself")
        return self

    def stage(self, name: str) -> Stage:
        """Return the stage of a name.

        Raises:
            KeyError: the plan has none.
        """
        return self.stages[self.stage_index(name)]

    def stage_index(self, name: str) -> int:
        """Return a stage's position, from 0.

        Raises:
            KeyError: the plan has no stage of that name.
        """
        for index, stage in enumerate(self.stages):
            if stage.name == name:
                return index
        raise KeyError(name)

    def gates_of(self, stage: Stage) -> tuple[Gate, ...]:
        """Return the gates of a stage's promotion: its own, else the plan's."""
        return self.gates if stage.gates is None else stage.gates

    def rules_of(self, stage: Stage) -> RollBack:
        """Return the roll-back rules of a stage: its own, else the plan's."""
        return self.roll_back if stage.roll_back is None else stage.roll_back

    def conditions_of(self, stage: Stage) -> tuple[Condition, ...]:
        """Return all gates and rules of a stage."""
        rules = self.rules_of(stage)
        return (*self.gates_of(stage), *rules.at_once, *rules.step, *rules.character)

    def audiences_of(self, stage: Stage) -> tuple[str, ...]:
        """Return the audiences of what happens in a stage: its own, else the plan's."""
        return stage.tell or self.tell

    def min_sample_of(self, stage: Stage, condition: Condition) -> int:
        """Return the minimum sample size of a condition: its own, else the stage's, else the plan's; in attempts."""
        return condition.min_sample or stage.min_sample or self.min_sample

    def length_band(self, text_characters: int) -> int:
        """Return the number of a text's length band, from 0."""
        return sum(text_characters >= edge for edge in self.length_bands)
