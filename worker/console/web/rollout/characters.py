"""The grid of characters: what each one speaks with, until when it is in quarantine, and its worst verdict. Pure."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from schemas.rollout_status import Judged
from worker.rollout.state import RolloutState

_WEIGHT: Final = {"pass": 0, "hold": 1, "error": 2, "fail": 3}

CharacterState = Literal["chirp", "wavenet", "quarantined", "excluded", "not_listed"]


@dataclass(frozen=True)
class CharacterTile:
    """A character: what it speaks with, and its worst verdict. `until` is the end of its quarantine."""

    name: str
    state: CharacterState
    until: datetime | None
    worst: Judged | None


def character_tiles(
    state: RolloutState, judged: Iterable[Judged], catalogue: frozenset[str], now: datetime
) -> list[CharacterTile]:
    """A tile for each character, by name.

    Args:
        catalogue: the keys of all characters.
        now: with an offset.
    """
    by_character: defaultdict[str, list[Judged]] = defaultdict(list)
    for each in judged:
        if each.character is not None:
            by_character[each.character].append(each)
    tiles = []
    for name in sorted(catalogue):
        worst = max(by_character[name], key=lambda each: (_WEIGHT.get(each.verdict, 0), each.sample), default=None)
        until = state.quarantined[name] if state.is_quarantined(name, now) else None
        tiles.append(CharacterTile(name, _character_state(state, name, now), until, worst))
    return tiles


def _character_state(state: RolloutState, name: str, now: datetime) -> CharacterState:
    if name in state.excluded:
        return "excluded"
    if state.is_quarantined(name, now):
        return "quarantined"
    if state.characters is not None and name not in state.characters:
        return "not_listed"
    return "wavenet" if state.is_off or not state.percentage else "chirp"
