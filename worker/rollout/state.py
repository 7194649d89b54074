"""The rollout state: which voice model the rollout gives to whom."""

from dataclasses import dataclass

FULL = 10_000
"""A percentage is held in hundredths: 10,000 is 100 %."""


@dataclass(frozen=True)
class RolloutState:
    """One revision of the rollout. `characters` is None for all; `percentage` is in hundredths of a percent."""

    enabled: bool
    percentage: int
    characters: frozenset[str] | None
    excluded: frozenset[str] = frozenset()
    fallback: bool = True
    salt: str = ""
    revision: int = 0
    braked: bool = False

    def __post_init__(self) -> None:
        """Refuses a percentage outside 0 to 100 %."""
        if not 0 <= self.percentage <= FULL:
            raise ValueError(f"percentage {self.percentage} is not within 0 and {FULL} hundredths")

    @property
    def percent(self) -> float:
        """The percentage as people write it, 0 to 100."""
        return self.percentage / 100

    def describe(self, catalogue: frozenset[str]) -> str:
        """One sentence for the start: who gets Chirp, an empty list's meaning said aloud."""
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
