"""The result of a simulated rollout: its timeline, what each voice model did, and the points of its picture. Pure."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, NamedTuple

from schemas.enums import VoiceModel
from worker.pricing.google_terms import list_price
from worker.rollout.analysis.tally import Tally
from worker.rollout.analysis.verdict import Use

ROLL_BACKS: Final = frozenset({"turned off", "stepped back"})
"""The kinds of events that roll back."""
QUARANTINED: Final = "quarantined"


@dataclass(frozen=True)
class Event:
    """An event of the timeline.

    Attributes:
        after: the time since the begin.
        kind: `started`, or the kind of a transition of the controller.
        stage: the one from then on.
        percentage: of users who get Chirp from then on, in hundredths of a percent.
        characters: how many characters get Chirp from then on.
        why: for people.
    """

    after: timedelta
    kind: str
    stage: str
    percentage: int
    characters: int
    why: str


@dataclass
class ModelTotals:
    """The attempts and stored takes of one voice model, and the characters that were billed."""

    attempts: int = 0
    failed: int = 0
    stored: int = 0
    billed: int = 0

    def add(self, tally: Tally) -> None:
        """Add a cell."""
        self.attempts += tally.attempts
        self.failed += tally.errors
        self.stored += tally.cached
        self.billed += tally.billed


class Point(NamedTuple):
    """One step, for the picture: the percentage that gets Chirp in it, and both models' attempts."""

    after: timedelta
    percentage: int
    chirp: int
    chirp_failed: int
    wavenet: int
    wavenet_failed: int


@dataclass(frozen=True)
class SimulatedRollout:
    """The result of one simulation.

    Attributes:
        seed: of the random numbers.
        lasted: the simulated time, up to where nothing more could happen.
        events: the timeline.
        totals: by voice model.
        failed_after_break: Chirp's failed attempts since the trace's `breaks_at`.
        first_failed: the time until each rule failed first, dry runs included: by use, title and character.
        points: one a step.
        end: why the simulation ended, for people.
        waits_for: what the plan waits for at the end, or what a person may do then; a sentence each.
    """

    seed: int
    lasted: timedelta
    events: tuple[Event, ...]
    totals: dict[VoiceModel, ModelTotals]
    failed_after_break: int
    first_failed: dict[tuple[Use, str, str | None], timedelta]
    points: tuple[Point, ...]
    end: str = ""
    waits_for: tuple[str, ...] = ()

    @property
    def dollars(self) -> float:
        """The price of all synthesis, by list prices without the free tier."""
        return list_price({model: each.billed for model, each in self.totals.items()})
