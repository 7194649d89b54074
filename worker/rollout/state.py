"""The rollout state: which voice model the rollout gives to whom. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from schemas.revision import FULL_PERCENTAGE, PlanRun


@dataclass(frozen=True)
class RolloutState:
    """One revision of the rollout.

    Attributes:
        enabled: False: nobody gets Chirp by the rollout.
        percentage: in hundredths of a percent.
        characters: who may; None for all.
        excluded: who may not, whatever `characters` says.
        quarantined: who may not until the time given (with an offset).
        fallback: whether WaveNet answers when Chirp fails.
        salt: of the buckets.
        revision: 0 for the environment's.
        braked: this worker's hand brake; in no revision.
        run: the plan that runs and where it stands, if any.
    """

    enabled: bool
    percentage: int
    characters: frozenset[str] | None
    excluded: frozenset[str] = frozenset()
    quarantined: Mapping[str, datetime] = field(default_factory=dict)
    fallback: bool = True
    salt: str = ""
    revision: int = 0
    braked: bool = False
    run: PlanRun | None = None

    def __post_init__(self) -> None:
        """Refuses a percentage outside 0 to 100 %."""
        if not 0 <= self.percentage <= FULL_PERCENTAGE:
            raise ValueError(f"percentage {self.percentage} is not within 0 and {FULL_PERCENTAGE} hundredths")

    @property
    def percent(self) -> float:
        """The percentage as people write it, 0 to 100."""
        return self.percentage / 100

    @property
    def is_off(self) -> bool:
        """Whether nobody gets Chirp by the rollout, whatever the percentage."""
        return self.braked or not self.enabled or self.characters == frozenset()

    def is_quarantined(self, character: str, now: datetime) -> bool:
        """Whether a character is out for a time that isn't over."""
        until = self.quarantined.get(character)
        return until is not None and now < until

    def describe(self, catalogue: frozenset[str]) -> str:
        """One sentence for the start: who gets Chirp by the variables, an empty list's meaning said aloud."""
        if self.braked:
            return "Chirp is off: CHIRP3_ENABLED=false is this worker's hand brake"
        if not self.enabled:
            return "Chirp is off: the rollout is not enabled"
        if self.characters is None:
            who = f"empty list: all {len(catalogue)} characters"
        elif not self.characters:
            return "Chirp is off: no character is listed"
        else:
            who = ", ".join(sorted(self.characters))
        out = f" (except {', '.join(sorted(self.excluded))})" if self.excluded else ""
        return f"{who}{out} at {self.percent:g} %"


OFF: Final = RolloutState(enabled=False, percentage=0, characters=None)
"""Before there is a revision."""
