"""Describes the rollout for people: who gets Chirp, and what a change changes. Pure."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from worker.rollout.state import RolloutState


@dataclass(frozen=True)
class Difference:
    """One value that a change changes, in words."""

    what: str
    before: str
    after: str


def exposure(state: RolloutState, catalogue: frozenset[str], now: datetime) -> str:
    """Who gets Chirp, in one sentence.

    Args:
        catalogue: the keys of all characters.
        now: with an offset; quarantines that have ended are left out.
    """
    if state.is_off:
        return "Chirp is off: no user gets it"
    characters = f"all {len(catalogue)} characters" if state.characters is None else ", ".join(sorted(state.characters))
    out = [f"{name} (excluded)" for name in sorted(state.excluded & (state.characters or catalogue))]
    out += [
        f"{name} (quarantined until {_time(until)})"
        for name, until in sorted(state.quarantined.items())
        if now < until and name not in state.excluded
    ]
    exceptions = f", except {', '.join(out)}" if out else ""
    return f"{state.percent:g} % of users get Chirp for {characters}{exceptions}"


def describe(state: RolloutState, catalogue: frozenset[str], now: datetime) -> str:
    """Who gets Chirp: by the topic's revision, or by the environment's variables where those decide."""
    if state.revision == 0 or state.braked:
        return state.describe(catalogue)
    return exposure(state, catalogue, now)


def describe_salt(salt: str) -> str:
    """The salt as outputs show it: who knows the salt knows each user's bucket. Another salt looks different."""
    return f"***{hashlib.sha256(salt.encode()).hexdigest()[:6]}" if salt else "none"


def differences(before: RolloutState, after: RolloutState) -> list[Difference]:
    """The values that differ between two states; for the first revision all values."""
    was, becomes = _fields(before), _fields(after)
    if before.revision == 0:
        return [Difference(what, "-", value) for what, value in becomes.items()]
    return [Difference(what, was[what], becomes[what]) for what in becomes if was[what] != becomes[what]]


def in_words(values: Iterable[tuple[str, str]]) -> str:
    """Such as "percentage 10 %; characters pip_boy"."""
    return "; ".join(f"{what} {value}" for what, value in values)


def _fields(state: RolloutState) -> dict[str, str]:
    quarantined = (f"{name} until {_time(until)}" for name, until in sorted(state.quarantined.items()))
    return {
        "Chirp": "on" if state.enabled else "off",
        "percentage": f"{state.percent:g} %",
        "characters": "all" if state.characters is None else _names(state.characters),
        "excluded": _names(state.excluded),
        "quarantined": ", ".join(quarantined) or "none",
        "fallback": "on" if state.fallback else "off",
        "salt": describe_salt(state.salt),
        "plan": state.run.plan if state.run else "none",
        "stage": state.run.stage if state.run else "none",
        "phase": state.run.phase if state.run else "none",
        "answers": _answers(state),
    }


def _answers(state: RolloutState) -> str:
    answers = state.run.approvals if state.run else ()
    return ", ".join(f"{each.name} {'yes' if each.approved else 'no'}" for each in answers) or "none"


def _names(names: frozenset[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _time(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
