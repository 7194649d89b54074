"""What the listeners' votes have shown of each character, as rows for a page, a table and a CSV file. Pure."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from worker.rollout.analysis.preference_bound import lower_bounds
from worker.rollout.analysis.preferences import Decision, Outcome, Votes
from worker.rollout.plan.conditions import Gate, Measure
from worker.rollout.plan.model import Plan

_COLUMNS: Final = (
    *("character", "votes", "chirp", "equal", "wavenet", "unusable"),
    *("preferred_or_equal", "lower_bound", "margin", "verdict", "decided_after"),
)


@dataclass(frozen=True)
class Criterion:
    """What the votes are held against: the gate's margin, and the votes at which it has its full power."""

    margin: float
    planned: int


DEFAULT: Final = Criterion(Gate(measure=Measure.PREFERENCE).margin, Gate(measure=Measure.PREFERENCE).votes)
"""Where no plan runs, or the stage has no such gate."""


@dataclass(frozen=True)
class CharacterResult:
    """One character.

    Attributes:
        chirp, equal, wavenet, unusable: the votes by what they say.
        over_votes: the share of "preferred or equal" and its lower bound after each vote.
        decision: what the gate has been shown, and `decided_after` how many votes; 0 while it is open.
    """

    character: str
    chirp: int
    equal: int
    wavenet: int
    unusable: int
    over_votes: tuple[tuple[float, float], ...]
    decision: Decision
    decided_after: int

    @property
    def votes(self) -> int:
        """The votes that say something."""
        return len(self.over_votes)

    @property
    def share(self) -> float:
        """The share of "preferred or equal"; 0 without votes."""
        return self.over_votes[-1][0] if self.over_votes else 0.0

    @property
    def bound(self) -> float:
        """Its lower bound; 0 where nothing is shown."""
        return self.over_votes[-1][1] if self.over_votes else 0.0


def criterion_of(plan: Plan | None, stage: str) -> Criterion:
    """The stage's gate `preference`, or the default."""
    gates = () if plan is None else plan.gates_of(plan.stage(stage))
    found = next((each for each in gates if each.measure is Measure.PREFERENCE), None)
    return DEFAULT if found is None else Criterion(found.margin, found.votes)


def results_of(votes: Votes, characters: Iterable[str], criterion: Criterion) -> list[CharacterResult]:
    """A result for each character with votes, and for those named; by their keys."""
    rows = []
    for character in sorted({*votes.characters, *characters}):
        preference = votes.preference(character, criterion.margin, criterion.planned)
        counts = preference.counts
        over = lower_bounds(votes.outcomes(character), criterion.margin, criterion.planned)
        rows.append(
            CharacterResult(
                character,
                counts[Outcome.CHIRP],
                counts[Outcome.EQUAL],
                counts[Outcome.WAVENET],
                counts[Outcome.UNUSABLE],
                tuple(over),
                preference.decision,
                preference.decided_after,
            )
        )
    return rows


def result_rows(results: Iterable[CharacterResult], criterion: Criterion) -> list[dict[str, object]]:
    """The results as rows; shares from 0 to 1."""
    return [
        dict(
            zip(
                _COLUMNS,
                (
                    *(each.character, each.votes, each.chirp, each.equal, each.wavenet, each.unusable),
                    *(round(each.share, 4), round(each.bound, 4), criterion.margin),
                    *(each.decision.value, each.decided_after or ""),
                ),
                strict=True,
            )
        )
        for each in results
    ]


def to_csv(results: Iterable[CharacterResult], criterion: Criterion) -> str:
    """The results as CSV, with a header. No cell begins as a formula of a spreadsheet does."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for row in result_rows(results, criterion):
        # A character's key comes from others' votes.
        character = str(row["character"])
        row["character"] = f"'{character}" if character.startswith(("=", "+", "-", "@", "\t")) else character
        writer.writerow(row.values())
    return file.getvalue()
