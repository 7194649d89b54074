"""What can be done to the rollout, each as a function from state to state; and whether it widens exposure. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from schemas.revision import FULL_PERCENTAGE
from worker.rollout.state import RolloutState

Verb = Callable[[RolloutState], RolloutState]
ALL: Final = "all"
# Stands for every character that neither state names.
_ANY_OTHER: Final = ""


def set_to(
    state: RolloutState,
    *,
    enabled: bool | None = None,
    percentage: int | None = None,
    characters: frozenset[str] | Literal["all"] | None = None,
    fallback: bool | None = None,
) -> RolloutState:
    """Sets what is given; None leaves it as it was.

    Args:
        state: as it was.
        enabled: on or off.
        percentage: in hundredths.
        characters: a list, or `ALL`. An empty list turns Chirp off.
        fallback: on or off.
    """
    listed = state.characters if characters is None else None if characters == ALL else characters
    return _off_without_characters(
        replace(
            state,
            enabled=state.enabled if enabled is None else enabled,
            percentage=state.percentage if percentage is None else percentage,
            characters=listed,
            fallback=state.fallback if fallback is None else fallback,
        )
    )


def turn_off(state: RolloutState) -> RolloutState:
    """Nobody gets Chirp; all else stays, for when it is enabled again."""
    return replace(state, enabled=False)


def exclude(state: RolloutState, character: str) -> RolloutState:
    """Takes a character out until it is included again; without the last listed one Chirp is off."""
    return _off_without_characters(replace(state, excluded=state.excluded | {character}))


def include(state: RolloutState, character: str, now: datetime) -> RolloutState:
    """Puts a character in: on the list where there is one, neither excluded nor quarantined from now on.

    Chirp stays off where it is off. A quarantine ends now and isn't forgotten: what came before it isn't judged again.
    """
    ended = {name: min(until, now) for name, until in state.quarantined.items() if name == character}
    return replace(
        state,
        characters=None if state.characters is None else state.characters | {character},
        excluded=state.excluded - {character},
        quarantined={**state.quarantined, **ended},
    )


def quarantine(state: RolloutState, character: str, until: datetime) -> RolloutState:
    """Takes a character out for a time; a quarantine is never shortened. The list stays: it ends by itself."""
    until = max(until, state.quarantined.get(character, until))
    return replace(state, quarantined={**state.quarantined, character: until})


def _off_without_characters(state: RolloutState) -> RolloutState:
    # In the variables an empty list means all. Here what was before is known: taking out the last never widens.
    if state.characters is not None and not state.characters - state.excluded:
        return turn_off(state)
    return state


@dataclass(frozen=True)
class Change:
    """What a verb makes of a state, at a time."""

    before: RolloutState
    after: RolloutState
    now: datetime

    @property
    def is_none(self) -> bool:
        """Whether nothing changes."""
        return self.before == self.after

    @property
    def widens(self) -> bool:
        """Whether somebody gets Chirp, now or when a quarantine ends, who wouldn't have without the change."""
        return widens(self.before, self.after, self.now)

    @property
    def asks(self) -> bool:
        """Whether a person must confirm it: it widens exposure, or takes away the net under those exposed."""
        return self.widens or (self.before.fallback and not self.after.fallback)


def widens(before: RolloutState, after: RolloutState, now: datetime) -> bool:
    """Whether some character's line, of some user, at some time from now on, gets Chirp after and not before.

    Exact: between the ends of quarantines nothing changes, and characters that neither state names are all alike.
    """
    names = {_ANY_OTHER}
    ends = {now}
    for state in (before, after):
        names |= (state.characters or frozenset()) | state.excluded | set(state.quarantined)
        ends |= {until for until in state.quarantined.values() if until > now}
    return any(_exceeds(before, after, name, at) for name in names for at in ends)


def _exceeds(before: RolloutState, after: RolloutState, character: str, at: datetime) -> bool:
    was, becomes = share(before, character, at), share(after, character, at)
    # Other buckets: whoever had Chirp may lose it, and others get it.
    drawn_anew = before.salt != after.salt and becomes > 0 and was < 1
    return becomes > was or drawn_anew


def share(state: RolloutState, character: str, at: datetime) -> float:
    """The share of users, 0 to 1, who get Chirp for a character at a time."""
    listed = state.characters is None or character in state.characters
    if state.is_off or not listed or character in state.excluded or state.is_quarantined(character, at):
        return 0.0
    return state.percentage / FULL_PERCENTAGE
