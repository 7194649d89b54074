"""The rollout state: which characters and which share of users get Chirp. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from schemas.revision import FULL_PERCENTAGE, PlanRun


@dataclass(frozen=True)
class RolloutState:
    """One revision of the rollout.

    Attributes:
        enabled: False: no user gets Chirp by the rollout.
        percentage: the share of users, in hundredths of a percent.
        characters: the allow list; None allows all characters, an empty set none.
        excluded: characters that don't get Chirp, even if they are listed.
        quarantined: characters that don't get Chirp until the time given (with an offset).
        fallback: whether WaveNet answers when Chirp fails.
        salt: hashed into the buckets; a different salt selects different users.
        revision: 0 if the state comes from the environment's variables.
        braked: this worker's hand brake is on; not part of a revision.
        run: the plan that runs and the stage it is in; None where people set the rollout.
    """

    enabled: bool
    percentage: int
    characters: frozenset[str] | None
    excluded: frozenset[str] = frozenset()
    quarantined: Mapping[str, datetime] = field(default_factory=dict)
    fallback: bool = True
    salt: str = field(default="", repr=False)
    revision: int = 0
    braked: bool = False
    run: PlanRun | None = None

    def __post_init__(self) -> None:
        """Rejects a percentage outside 0 to 100 %."""
        if not 0 <= self.percentage <= FULL_PERCENTAGE:
            raise ValueError(f"percentage {self.percentage} is not within 0 and {FULL_PERCENTAGE} hundredths")

    @property
    def percent(self) -> float:
        """The percentage as people write it: 0 to 100."""
        return self.percentage / 100

    @property
    def is_off(self) -> bool:
        """Whether no user gets Chirp by the rollout, whatever the percentage is."""
        return self.braked or not self.enabled or self.characters == frozenset()

    def is_quarantined(self, character: str, now: datetime) -> bool:
        """Whether the character has a quarantine that hasn't ended yet."""
        until = self.quarantined.get(character)
        return until is not None and now < until

    def exposed_characters(self, catalogue: Collection[str], now: datetime) -> frozenset[str]:
        """The characters for which some user gets Chirp by the rollout now."""
        if self.is_off or not self.percentage:
            return frozenset()
        listed = frozenset(catalogue) if self.characters is None else self.characters
        return frozenset(name for name in listed - self.excluded if not self.is_quarantined(name, now))

    def describe(self, catalogue: frozenset[str]) -> str:
        """Who gets Chirp by the environment's variables, in a sentence; it spells out that an empty list means all."""
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
"""The state before the first revision."""
