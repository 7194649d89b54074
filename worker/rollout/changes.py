"""Verbs that change the rollout, each a function from state to state; and whether a change widens exposure. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from schemas.revision import FULL_PERCENTAGE
from worker.rollout.state import RolloutState

Verb = Callable[[RolloutState], RolloutState]
"""Makes a new state from a state. A writer that loses a race applies it again, to the winner's state."""
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
    """Sets the values that are given; None leaves a value as it is.

    Args:
        percentage: in hundredths of a percent.
        characters: an allow list, or `ALL`. An empty list turns Chirp off.
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
    """Turns Chirp off for everybody. All other settings stay, for when it is enabled again."""
    return replace(state, enabled=False)


def exclude(state: RolloutState, character: str) -> RolloutState:
    """Excludes a character until it is included again. Excluding the last listed character turns Chirp off."""
    return _off_without_characters(replace(state, excluded=state.excluded | {character}))


def include(state: RolloutState, character: str, now: datetime) -> RolloutState:
    """Includes a character: adds it to the allow list if there is one, and ends its exclusion and quarantine.

    It doesn't turn Chirp on. The quarantine's end stays in the state: attempts before it are not evaluated again.
    """
    ended = {name: min(until, now) for name, until in state.quarantined.items() if name == character}
    return replace(
        state,
        characters=None if state.characters is None else state.characters | {character},
        excluded=state.excluded - {character},
        quarantined={**state.quarantined, **ended},
    )


def quarantine(state: RolloutState, character: str, until: datetime) -> RolloutState:
    """Excludes a character until a time; never shortens a quarantine.

    The allow list stays, even if this was its last character: a quarantine ends by itself.
    """
    until = max(until, state.quarantined.get(character, until))
    return replace(state, quarantined={**state.quarantined, character: until})


def _off_without_characters(state: RolloutState) -> RolloutState:
    # In the environment's variables an empty list means all. Here the previous state is known: removing the last listed
    # character must not widen the rollout to all of them.
    if state.characters is not None and not state.characters - state.excluded:
        return turn_off(state)
    return state


@dataclass(frozen=True)
class Change:
    """The change that a verb makes to a state, at a time."""

    before: RolloutState
    after: RolloutState
    now: datetime

    @property
    def is_noop(self) -> bool:
        """Whether the change leaves the state as it is."""
        return self.before == self.after

    @property
    def widens(self) -> bool:
        """Whether some user gets Chirp, now or when a quarantine ends, who wouldn't get it without the change."""
        return widens(self.before, self.after, self.now)

    @property
    def needs_confirmation(self) -> bool:
        """Whether a person must confirm it: it widens exposure, or turns off the fallback for the exposed users."""
        return self.widens or (self.before.fallback and not self.after.fallback)


def widens(before: RolloutState, after: RolloutState, now: datetime) -> bool:
    """Whether some user gets Chirp for some character, at some time from now on, after the change and not before it.

    The answer is exact. Exposure only changes when a quarantine ends, so these times and now suffice; all characters
    that neither state names behave alike.
    """
    names = {_ANY_OTHER}
    ends = {now}
    for state in (before, after):
        names |= (state.characters or frozenset()) | state.excluded | set(state.quarantined)
        ends |= {until for until in state.quarantined.values() if until > now}
    return any(_exceeds(before, after, name, at) for name in names for at in ends)


def _exceeds(before: RolloutState, after: RolloutState, character: str, at: datetime) -> bool:
    was, becomes = share(before, character, at), share(after, character, at)
    # A new salt makes other buckets: some users lose Chirp, and others get it.
    redrawn = before.salt != after.salt and becomes > 0 and was < 1
    return becomes > was or redrawn


def share(state: RolloutState, character: str, at: datetime) -> float:
    """The share of users, 0 to 1, who get Chirp for a character at a time."""
    listed = state.characters is None or character in state.characters
    if state.is_off or not listed or character in state.excluded or state.is_quarantined(character, at):
        return 0.0
    return state.percentage / FULL_PERCENTAGE
